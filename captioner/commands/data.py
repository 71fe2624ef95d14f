"""Check a data set before training: counts, captions, words, broken files, a contact sheet.

INPUT is name:option=value,... or a path. Recognised paths are a folder, zip or tar of pictures, the folder of a public
data set, a public JSON file, JSONL, CSV, TSV, webdataset shards ({000..131}, pipe:) and a folder of `datasets`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import add_strict, in_out, is_scenes

HELP = "content of a data set: counts, captions, broken files, a contact sheet"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="data set: name:option=value,... or a path")
    parser.add_argument(
        "--split", action="append", metavar="NAME", help="split to check; may be repeated (every split)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for data.json, sheet-SPLIT.png and sheet.html")
    parser.add_argument(
        "--open", type=int, default=1000, metavar="INT", help="number of pictures of a split that are decoded (1000)"
    )
    parser.add_argument("--all", action="store_true", help="decoding of every picture, in place of --open")
    parser.add_argument(
        "--show", type=int, default=12, metavar="INT", help="number of pictures of a split on the contact sheet (12)"
    )
    add_strict(parser, in_out)


def run(args: argparse.Namespace) -> None:
    from captioner.data.inspection.inspect_data import show
    from metric.runtime.console import ended

    if args.open < 0 or args.show < 0:
        raise ValueError(f"--open and --show are 0 or more pictures, got {min(args.open, args.show)}")
    looks = show(args.input, args.split or [], args.out, -1 if args.all else args.open, args.show)
    captioned = any(content.lengths for content in looks)
    ended(then=next_command(args.input, captioned, "--preset small" if is_scenes(args.input) else "--clip CLIP"))


def next_command(data: str, captioned: bool, start: str = "") -> list[str]:
    """The words of the command that uses a data set: training, or captioning where it has no captions.

    `start` has the flags that training begins with.
    """
    if captioned:
        return ["captioner", "train", "--data", data, *start.split(), "--out", "RUN"]
    return ["captioner", "caption", "--model", "RUN", "--images", data, "--out", "captions.jsonl"]
