"""Publish a captioner or a metric on the hub, with its tokenizer, CLIP, settings, scores and a model card."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

HELP = "upload of a run to the hub, with a model card"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", type=Path, metavar="RUN", help="run of `train` or `metric train`, model folder, imported metric"
    )
    parser.add_argument("repo", metavar="OWNER/NAME", help="repository on the hub; a new one is made if needed")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="folder that takes the files; nothing is uploaded")
    parser.add_argument(
        "--against",
        nargs="+",
        type=Path,
        default=[],
        metavar="RUN",
        help="runs whose scores the card shows beside the model's",
    )
    parser.add_argument("--split", default="test", help="split whose scores the card shows (test)")
    parser.add_argument(
        "--license",
        default="",
        metavar="ID",
        help="licence of the weights (apache-2.0 for a model of drawn scenes alone)",
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")


def run(args: argparse.Namespace) -> None:
    from captioner.publishing.bundle import Publication, bundle, push
    from metric.runtime.console import ended

    what = Publication(args.model, args.repo, args.license, tuple(args.against), args.split)
    if args.to:
        bundle(what, args.to)
        return ended("all that would be uploaded", args.to, ["hf", "upload", args.repo, args.to])
    with tempfile.TemporaryDirectory() as temporary:
        bundle(what, Path(temporary) / "repository")
        print(push(Path(temporary) / "repository", args.repo, args.private))
    ended(f"{args.model} is on the hub", then=["hf", "download", args.repo])
