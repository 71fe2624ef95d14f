"""Write a caption for every picture of a folder or data set; goes on where an earlier call stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "captions for a folder of pictures or a data set"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="run folder, model folder or hub id")
    parser.add_argument(
        "--images",
        required=True,
        help="what `captioner data` reads: a folder, archive, shards, table, name:option=value,...",
    )
    parser.add_argument("--out", required=True, type=Path, help='JSONL file, one {"id": ..., "caption": ...} a line')
    parser.add_argument("--split", default="test", help="split, where --images is a data set (test)")
    parser.add_argument("--beams", type=positive, metavar="INT", help="beams; 1 is greedy (as the run has it)")
    parser.add_argument(
        "--max_length",
        type=positive,
        metavar="INT",
        help="most tokens of a caption, its end included (as the run has it)",
    )
    parser.add_argument(
        "--batch_size", "--batch-size", type=positive, default=64, metavar="INT", help="pictures at a time (64)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    parser.add_argument("--clip", default="", help="where the captioner's own CLIP is now, if it has moved")


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is expected, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> None:
    from captioner.caption import caption
    from captioner.data import load

    decode = {name: getattr(args, name) for name in ("beams", "max_length") if getattr(args, name)}
    caption(args.model, load(args.images, args.split), args.out, decode, args.batch_size, args.device, args.clip)
