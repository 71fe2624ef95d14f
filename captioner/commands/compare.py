"""Compare evaluated runs in a table, in curves and in a gallery of captions."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "runs side by side: a table, curves, a gallery"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="run folders that `captioner evaluate` has scored, or RUN@NAME for an evaluation with a name; runs that "
        "differ in the seed alone are one row",
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for comparison.md, .csv, .json and index.html")
    parser.set_defaults(makes_folder=True)
    parser.add_argument("--split", default="test", help="split whose scores are compared (test)")
    parser.add_argument("--pictures", type=int, default=60, help="number of pictures in the gallery (60)")


def run(args: argparse.Namespace) -> None:
    from captioner.api import compare
    from captioner.comparison.significance import pairs, text
    from metric.runtime.console import ended

    comparison = compare(args.runs, args.out, args.split, args.pictures)
    print(text(comparison, pairs(comparison)))
    print(comparison.table())  # last, so that it stands above the prompt
    others = args.runs[1:]
    ended(
        f"runs compared: {len(args.runs)}",
        f"{args.out / 'index.html'}, a page to open in a browser",
        ["captioner", "push", args.runs[0], "OWNER/NAME", *(["--against", *others] if others else [])],
    )
