"""Show a run in the terminal: its curves and its latest captions, live while it trains.

The run may be one of `captioner train` or of `captioner metric train`, finished or not. Ctrl-C ends the watch, not the
run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import finite

HELP = "curves and captions of a run in the terminal"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--once", action="store_true", help="one frame; a pipe gets one frame too")
    parser.add_argument("--every", type=finite, default=2.0, metavar="SECONDS", help="seconds between two frames (2)")


def run(args: argparse.Namespace) -> None:
    from captioner.watching.frame import show

    if not args.every > 0:
        raise ValueError(f"--every is a number of seconds above 0, got {args.every:g}")
    show(args.folder, args.once, args.every)
