"""Score anyone's captions: no model of ours is needed."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "scores for anyone's captions"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--captions", required=True, type=Path, help="our JSONL, {id: caption} JSON, or COCO results JSON"
    )
    parser.add_argument(
        "--references", default="", help="{id: [caption, ...]} JSON, COCO annotations, or a data set name:option=value"
    )
    parser.add_argument(
        "--images", default="", help="folder of the pictures, for CLIP-S and PAC-S++; ids are file names"
    )
    parser.add_argument("--split", default="test", help="split, where --references is a data set (test)")
    parser.add_argument(
        "--scores", default="all", help="scores or families, with commas: classic,text,clip,scene or all (all)"
    )
    parser.add_argument("--clip", default="", help="CLIP of clip_s: scenes-clip, a folder, or ARCH:TAG")
    parser.add_argument("--pac", default="", help="checkpoint of pac_spp: a run of `captioner metric train`")
    parser.add_argument("--checker", default="auto", help="grammar checker: languagetool, harper, none, auto (auto)")
    parser.add_argument("--out", type=Path, help="scores as JSON")
    parser.add_argument("--per-caption", type=Path, help="scores of each caption as CSV")


def run(args: argparse.Namespace) -> None:
    from captioner.score import score

    score(args)
