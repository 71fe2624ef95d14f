"""List the rewards that --reward accepts, with options, defaults and needs, or describe one reward."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rewards.options import Option

HELP = "rewards that --reward accepts, with options"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="reward whose formula, range, options and cost are shown")


def run(args: argparse.Namespace) -> None:
    if args.name:
        show(args.name)
    else:
        show_all()


def show(name: str) -> None:
    """Prints the docstring of one reward, its options and its needs."""
    from rewards.registry import NEEDS, find

    entry = find(name)
    written = entry.name + (":" + ",".join(map(typed, entry.options)) if entry.options else "")
    needs = [f"needs {need}: {NEEDS[need]}" for need in entry.needs]
    print("\n".join([f"--reward {written}", "", entry.doc, *([""] if needs else []), *needs]))


def show_all() -> None:
    """Prints a table of all rewards with their options and needs."""
    from rich.console import Console
    from rich.table import Table

    from rewards.registry import NEEDS, listing

    table = Table("reward", "options", "needs", "meaning", box=None)
    for row in listing():
        table.add_row(row.name, "\n".join(map(typed, row.options)) or "-", "\n".join(row.needs) or "-", row.summary)
    Console(markup=False, highlight=False).print(table)
    print("\nNeeds: " + "; ".join(f"{need}: {meaning}" for need, meaning in NEEDS.items()) + ".")
    print("Every reward also takes weight=NUMBER (1), and window=LEAST-MOST: 0 for captions of fewer or more words.")
    print("Penalties, of which 0 is the best value, take no window.")
    print("One in full: captioner rewards NAME")
    print("Mix by repeating: --reward cider:weight=0.2 --reward pacspp:checkpoint=runs/metric")


def typed(option: Option) -> str:
    """An option as typed after the name of the reward: `n=4`, or `checkpoint=STR` for an option without a default."""
    return f"{option.name}={option.type.upper() if option.default == '' else option.default}"
