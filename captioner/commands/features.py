"""Compute the CLIP features of a data set once. Training and captioning with --features DIR then read no picture.

An estimate of disk and time comes first. A second call continues an interrupted one. Each process of torchrun or
accelerate launch, and each --shard on several machines, computes a share into files of its own.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from captioner.commands.data import next_command
from captioner.flags import add_device, add_strict
from metric.runtime.work_share import FLAG, own_gpu, share_of
from metric.storage.ledger import LEFT_OUT

HELP = "CLIP features of a data set, computed once"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", metavar="INPUT", help="data set: name:option=value,... or a path that `captioner data` reads"
    )
    parser.add_argument(
        "--clip", default="scenes-clip", help="CLIP of the features: scenes-clip, a folder, or ARCH:TAG (scenes-clip)"
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for the features; later calls may add to the folder",
    )
    parser.add_argument(
        "--split", action="append", metavar="NAME", help="split to compute; may be repeated (every split)"
    )
    parser.add_argument("--shard", default="", metavar="I/N", help=FLAG)
    add_device(parser)
    parser.add_argument("--plan", action="store_true", help="estimate of disk and time, without any computation")
    add_strict(parser, share_ledger)
    parser.set_defaults(makes_folder=True)


def share_ledger(args: argparse.Namespace) -> Path | None:
    """The place of the ledger: a file for each share, since shares work at the same time."""
    share = share_of(args.shard, os.environ)
    name = LEFT_OUT if share.count == 1 else f"{share}.{LEFT_OUT}"
    return None if args.plan else args.out / name


def run(args: argparse.Namespace) -> None:
    from captioner.features.precompute import Job, keep
    from metric.runtime.console import ended
    from metric.runtime.device import device_of

    device = str(device_of(own_gpu(args.device, os.environ)))
    share = share_of(args.shard, os.environ)
    captioned = keep(Job(args.input, tuple(args.split or ()), args.clip, args.out, share, device), args.plan)
    use = [*next_command(args.input, captioned, f"--clip {args.clip}"), "--features", str(args.out)]
    again = ["captioner", *(word for word in args.typed if word != "--plan")]
    ended(where="" if args.plan else args.out, then=again if args.plan else use)
