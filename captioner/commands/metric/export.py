"""Write a CLIP or a tuned metric for another program: open_clip, transformers or ONNX.

An adapter is merged. What was written is loaded again, and its embeddings are compared with those of the metric.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "a tuned CLIP as a folder of open_clip or transformers, or as ONNX files"


def add(commands: Any) -> None:
    sub = commands.add_parser("export", help=HELP, description=__doc__)
    sub.add_argument(
        "--metric",
        required=True,
        metavar="DIR",
        help="run of `captioner metric train`, folder of a CLIP, hub id, ARCH:TAG of open_clip, or scenes-clip",
    )
    sub.add_argument(
        "--format", required=True, choices=("open_clip", "transformers", "onnx"), help="program to read it"
    )
    sub.add_argument("--out", required=True, type=Path, help="new folder")
    sub.set_defaults(run=run, makes_folder=True)


def run(args: argparse.Namespace) -> None:
    from metric.export.formats import export
    from metric.runtime.console import ended

    for line in export(args.metric, args.format, args.out):
        print(line)
    ended(where=args.out)
