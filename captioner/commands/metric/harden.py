"""Harden a metric in rounds: what a captioner says under the pressure of the metric becomes its next negatives."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from captioner.commands.metric.judge import whole_number
from captioner.flags import add_device, add_strict, in_out

HELP = "rounds of a metric against captioners that are pressed on it"


def add(commands: Any) -> None:
    sub = commands.add_parser("harden", help=HELP, description=__doc__)
    sub.add_argument(
        "--metric",
        required=True,
        type=Path,
        metavar="DIR",
        help="metric of `captioner metric train --negatives N`, whose settings each new metric has",
    )
    sub.add_argument(
        "--runs",
        required=True,
        nargs="+",
        type=Path,
        metavar="RUN",
        help="runs that were pressed on the metric; each new run has the settings of the first one",
    )
    sub.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the rounds")
    sub.add_argument("--rounds", type=whole_number, default=3, help="most rounds (3)")
    sub.add_argument(
        "--count", type=whole_number, default=2000, help="training pictures that each run captions in a round (2000)"
    )
    add_device(sub)
    add_strict(sub, in_out)
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from captioner.hardening.curve import report
    from captioner.hardening.rounds import Hardening, harden
    from metric.runtime.console import ended

    for name in ("rounds", "count"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} is 1 or more, got 0")
    rows = harden(Hardening(args.metric, tuple(args.runs), args.out, args.rounds, args.count, args.device))
    report(rows, args.out)
    last = args.out / f"round-{rows[-1]['round']}" / "metric" if rows[-1]["round"] else args.metric
    ended(
        f"{len(rows) - 1} rounds of {args.rounds}",
        f"{args.out}: rounds.md, rounds.json, rounds.png; the last metric is {last}",
        ["captioner", "train", "--reward", f"pacspp_hard:checkpoint={last}", "--out", "RUN"],
    )
