"""Measure the agreement of metrics with people, by the published protocol of a benchmark.

Ratings are measured by Kendall's tau-b and tau-c, Pearson and Spearman, pairs by the accuracy. Every two metrics are
compared by a paired bootstrap. With --check, ours stand beside the published figures: each agrees, differs, or is not
comparable for a reason. The exit code is 1 when one differs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.flags import add_device, add_strict, beside_out
from metric.judgement.benchmarks import BENCHMARKS, PROTOCOLS

if TYPE_CHECKING:
    from captioner.scoring.judge_report import Task

HELP = "agreement of metrics with people on a benchmark"


def add(commands: Any) -> None:
    sub = commands.add_parser("judge", help=HELP, description=__doc__)
    sub.add_argument(
        "--benchmark",
        default="",
        metavar="NAME",
        help=f"benchmark: {', '.join(BENCHMARKS)}; with --check, all whose files are in ROOT/NAME or ROOT if left out",
    )
    sub.add_argument("--root", required=True, type=Path, help="folder of the benchmark's files, as published")
    sub.add_argument(
        "--check",
        action="store_true",
        help="comparison with the published figures, and exit code 1 when one differs; the scores that need no weights "
        "without --metrics",
    )
    add_metrics(sub)
    versions = "; ".join(f"{name}: {', '.join(choices)}" for name, choices in PROTOCOLS.items())
    sub.add_argument(
        "--protocol", default="", metavar="VERSION", help=f"version of the protocol, the first by default ({versions})"
    )
    sub.add_argument(
        "--ties",
        default="",
        help="worth of a tie of a pair: half (a point), lot (a point by lot) or error (the benchmark's own)",
    )
    sub.add_argument("--references", type=whole_number, default=0, help="most references of an item; 0 takes all (0)")
    sub.add_argument(
        "--resamples",
        type=whole_number,
        default=200,
        help="bootstrap resamples of the pictures; 0 gives no intervals and no differences (200)",
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
    add_device(parser)
    add_precision(parser)


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that chooses the precision of the CLIPs of scores."""
    parser.add_argument(
        "--precision",
        choices=("fp32", "bf16", "fp16"),
        default="fp32",
        help="precision of the CLIPs of the scores; a reward takes precision=fp16 as an option (fp32)",
    )


def whole_number(text: str) -> int:
    """A whole number from 0. Raises the error that argparse reports for other text."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number from 0 is expected, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from captioner.scoring.judge_report import Task, report_judgement

    task = Task(
        metrics=args.metrics,
        rewards=args.reward,
        clip=args.clip,
        references=args.references,
        resamples=args.resamples,
        device=args.device,
        precision=args.precision,
        protocol=args.protocol,
        ties=args.ties,
    )
    if args.check:
        return run_check(args, task)
    if not args.benchmark:
        raise ValueError("--benchmark is missing; type its name, or --check for all benchmarks in --root")
    report_judgement(args.benchmark, args.root, task, args.out)
    tell_end(args, "", "judgement.json")
    return 0


def run_check(args: argparse.Namespace, task: Task) -> int:
    """Compare with the published figures. -> 1 when one differs, else 0."""
    from captioner.scoring.judge_check import DIFFERS, check_published, summary

    counts = check_published(args.benchmark, args.root, task, args.out)
    tell_end(args, summary(counts), "check.json")
    return 1 if counts[DIFFERS] else 0


def tell_end(args: argparse.Namespace, result: str, file: str) -> None:
    from metric.runtime.console import ended

    keep = ["captioner", *args.typed, "--out", file]
    audit = [
        "captioner",
        "metric",
        "audit",
        "--metrics",
        args.metrics or "cider",
        "--clip",
        args.clip,
        "--out",
        "audit",
    ]
    ended(result, where=args.out or "", then=audit if args.out else keep)
