"""Write a caption for every picture of a folder or data set; goes on where an earlier call stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.config import Decode
from captioner.flags import add_flags, given

HELP = "captions for a folder of pictures or a data set"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="run folder, model folder or hub id")
    parser.add_argument("--images", required=True, help="folder of pictures, or a data set name:option=value,...")
    parser.add_argument("--out", required=True, type=Path, help='JSONL file, one {"id": ..., "caption": ...} a line')
    parser.add_argument("--split", default="test", help="split, where --images is a data set (test)")
    parser.add_argument("--batch-size", type=int, default=64, help="pictures at a time (64)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_flags(parser, Decode())


def run(args: argparse.Namespace) -> None:
    from captioner.caption import caption
    from captioner.data import DATA, load

    name = args.images.partition(":")[0]
    spec = args.images if name in DATA and not Path(args.images).exists() else f"folder:root={args.images}"
    decode = Decode(**given(args, Decode()))
    caption(args.model, load(spec, args.split), args.out, decode, args.batch_size, args.device)
