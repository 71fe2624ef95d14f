"""Compute the features of a data set once. Training and captioning then need no picture (--features DIR).

Says first what it will take of disk and time. Goes on where an earlier call stopped. Under torchrun, accelerate
launch, or with --shard on several machines, each process computes its share into files of its own.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from metric.runtime.work_share import FLAG, own_gpu, share_of

HELP = "CLIP features of a data set, computed once"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="path or data set that `captioner data` reads")
    parser.add_argument("--clip", default="scenes-clip", help="CLIP: scenes-clip, a folder, or ARCH:TAG (scenes-clip)")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of the features; a later call may add to the folder",
    )
    parser.add_argument("--split", action="append", metavar="NAME", help="split; may be repeated (all splits)")
    parser.add_argument("--shard", default="", metavar="I/N", help=FLAG)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    parser.add_argument("--plan", action="store_true", help="print disk space and time ahead, and stop")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a picture is skipped")


def run(args: argparse.Namespace) -> int:
    from captioner.features.precompute import Job, keep
    from metric.runtime.console import ended
    from metric.runtime.device import device_of

    device = str(device_of(own_gpu(args.device, os.environ)))
    share = share_of(args.shard, os.environ)
    whole = keep(Job(args.input, tuple(args.split or ()), args.clip, args.out, share, device), args.plan)
    train = ["captioner", "train", "--data", args.input, "--clip", args.clip, "--features", args.out, "--out", "RUN"]
    again = ["captioner", *(word for word in args.typed if word != "--plan")]
    ended(where="" if args.plan else args.out, then=again if args.plan else train)
    return 0 if whole or not args.strict else 1
