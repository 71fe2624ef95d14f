"""List what --reward accepts: names, options with their defaults, and what each needs."""

from __future__ import annotations

import argparse

HELP = "what --reward accepts, with options"


def add(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from rewards.registry import listing

    table = Table("reward", "options", "needs", "what it is", box=None)
    for row in listing():
        table.add_row(row.name, row.options or "-", ", ".join(row.needs) or "-", row.summary)
    console = Console()
    console.print(table)
    console.print("Mix by repeating: --reward cider:weight=0.2 --reward pacspp:checkpoint=runs/metric", highlight=False)
