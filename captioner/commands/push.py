"""Publish a captioner or a metric on the hub, with tokenizer, CLIP, settings, scores and a model card."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

HELP = "upload of a captioner or a metric to the hub, with a model card"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="RUN",
        help="folder of `captioner train`, `metric train` or `metric import`, or a model folder",
    )
    parser.add_argument("repo", metavar="OWNER/NAME", help="repository on the hub, which is made if there is none")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="folder for the files, in place of an upload")
    parser.add_argument(
        "--against",
        nargs="+",
        type=Path,
        default=[],
        metavar="RUN",
        help="runs whose scores stand in the card beside those of RUN",
    )
    parser.add_argument("--split", default="test", help="split whose scores stand in the card (test)")
    parser.add_argument(
        "--license",
        default="",
        metavar="ID",
        help="licence of the weights (apache-2.0 for weights of drawn scenes alone)",
    )
    parser.add_argument("--private", action="store_true", help="private access to a new repository")


def run(args: argparse.Namespace) -> None:
    from captioner.publishing.bundle import Publication, bundle, push
    from metric.runtime.console import ended

    publication = Publication(args.model, args.repo, args.license, tuple(args.against), args.split)
    if args.to:
        bundle(publication, args.to)
        return ended("files of the upload", args.to, ["hf", "upload", args.repo, args.to])
    with tempfile.TemporaryDirectory() as temporary:
        bundle(publication, Path(temporary) / "repository")
        print(push(Path(temporary) / "repository", args.repo, args.private))
    ended(f"{args.model} is on the hub", then=["hf", "download", args.repo])
