"""Measure metrics against human judgement: Kendall's tau-b and tau-c, or accuracy, by the published protocols."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from metric.judgement.benchmarks import BENCHMARKS

HELP = "agreement of metrics with people on a benchmark"


def add(commands: Any) -> None:
    sub = commands.add_parser("judge", help=HELP, description=__doc__)
    sub.add_argument("--benchmark", required=True, metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    sub.add_argument(
        "--root", required=True, type=Path, help="folder with the benchmark's files, as its authors publish them"
    )
    add_metrics(sub)
    sub.add_argument("--references", type=whole, default=0, help="most references of an item; 0: all (0)")
    sub.add_argument(
        "--resamples", type=whole, default=200, help="resamples of the bootstrap over pictures; 0: no intervals (200)"
    )
    sub.add_argument("--out", type=Path, metavar="FILE.json", help="JSON file of the result")
    sub.set_defaults(run=run)


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name metrics. The audit has the same flags."""
    parser.add_argument("--metrics", default="", help="scores or rewards, name:option=value, with commas between them")
    parser.add_argument(
        "--reward",
        action="append",
        default=[],
        metavar="SPEC",
        help="reward that takes part as a metric, where a score has the same name",
    )
    parser.add_argument("--clip", default="scenes-clip", help="CLIP of scores and rewards that name none (scenes-clip)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")


def whole(text: str) -> int:
    """A whole number from 0. Raises the error that argparse prints."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number from 0, got {text!r}")
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
