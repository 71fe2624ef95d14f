"""Audit metrics before they become rewards: compare the scores of references with those of corrupted captions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from captioner.commands.metric.judge import add_metrics, whole_number
from captioner.flags import add_strict, in_out, is_scenes, seed_number

HELP = "test of metrics with captions that are made worse"


def add(commands: Any) -> None:
    sub = commands.add_parser("audit", help=HELP, description=__doc__)
    sub.add_argument(
        "--data", default="scenes", help="data set with references: a path or name:option=value,... (scenes)"
    )
    sub.add_argument("--split", default="val", help="split of the data set (val)")
    sub.add_argument(
        "--count", type=whole_number, default=500, help="number of pictures, the first of the split; 0 takes all (500)"
    )
    add_metrics(sub)
    sub.add_argument("--seed", type=seed_number, default=0, help="seed of captions and corruptions (0)")
    sub.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for audit.md, audit.csv, audit.json and audit.png",
    )
    add_strict(sub, in_out)
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from captioner.scoring.audit_report import report_audit
    from metric.runtime.console import ended

    report_audit(
        args.out,
        data=args.data,
        split=args.split,
        count=args.count,
        metrics=args.metrics,
        rewards=args.reward,
        clip=args.clip,
        seed=args.seed,
        device=args.device,
        precision=args.precision,
    )
    ended(
        where=f"{args.out}: audit.md, audit.csv, audit.json, audit.png",
        then=[
            "captioner",
            "train",
            *(["--preset", "small"] if is_scenes(args.data) else []),
            "--reward",
            "REWARD",
            "--clip",
            args.clip,
            "--out",
            "RUN",
        ],
    )
