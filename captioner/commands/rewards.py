"""List what --reward accepts: names, options with their defaults, and what each needs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rewards.registry import Option

HELP = "what --reward accepts, with options"


def add(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from rewards.registry import listing

    table = Table("reward", "options", "needs", "what it is", box=None)
    for row in listing():
        table.add_row(row.name, "\n".join(map(typed, row.options)) or "-", ", ".join(row.needs) or "-", row.summary)
    console = Console(markup=False, highlight=False)
    console.print(table)
    print("Every reward also takes weight=NUMBER (1).")
    print("Mix by repeating: --reward cider:weight=0.2 --reward pacspp:checkpoint=runs/metric")


def typed(option: Option) -> str:
    """As it is written after the name; without a default, the kind of value."""
    return f"{option.name}={option.type.upper() if option.default == '' else option.default}"
