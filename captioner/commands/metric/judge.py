"""Measure the agreement of metrics with people, by the published protocol of a benchmark.

The measure is Kendall's tau-b, tau-c or the accuracy.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from captioner.flags import add_strict, beside_out
from metric.judgement.benchmarks import BENCHMARKS

HELP = "agreement of metrics with people on a benchmark"


def add(commands: Any) -> None:
    sub = commands.add_parser("judge", help=HELP, description=__doc__)
    sub.add_argument("--benchmark", required=True, metavar="NAME", help=f"benchmark: {', '.join(BENCHMARKS)}")
    sub.add_argument("--root", required=True, type=Path, help="folder of the benchmark's files, as published")
    add_metrics(sub)
    sub.add_argument("--references", type=whole_number, default=0, help="most references of an item; 0 takes all (0)")
    sub.add_argument(
        "--resamples",
        type=whole_number,
        default=200,
        help="bootstrap resamples of the pictures; 0 gives no intervals (200)",
    )
    sub.add_argument("--out", type=Path, metavar="FILE.json", help="JSON file for the result")
    add_strict(sub, beside_out)
    sub.set_defaults(run=run)


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that choose metrics, for judge and audit."""
    parser.add_argument(
        "--metrics", default="", help="scores and rewards as name:option=value,... with commas between them"
    )
    parser.add_argument(
        "--reward",
        action="append",
        default=[],
        metavar="SPEC",
        help="reward as name:option=value,... if a score has the same name; may be repeated",
    )
    parser.add_argument(
        "--clip", default="scenes-clip", help="CLIP of the scores and rewards that name no CLIP (scenes-clip)"
    )
    parser.add_argument("--device", default="auto", help="device of the work: auto, cpu, cuda or cuda:N (auto)")


def whole_number(text: str) -> int:
    """A whole number from 0. Raises the error that argparse reports for other text."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number from 0 is expected, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> None:
    from captioner.scoring.judge_report import report_judgement
    from metric.runtime.console import ended

    report_judgement(
        args.benchmark,
        args.root,
        metrics=args.metrics,
        rewards=args.reward,
        clip=args.clip,
        references=args.references,
        resamples=args.resamples,
        device=args.device,
        out=args.out,
    )
    keep = ["captioner", *args.typed, "--out", "judgement.json"]
    audit = ["captioner", "metric", "audit", "--metrics", args.metrics, "--clip", args.clip, "--out", "audit"]
    ended(where=args.out or "", then=audit if args.out else keep)
