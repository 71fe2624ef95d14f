"""Score captions of videos with EMScore (coarse, fine and both), with any CLIP.

A video is a file or a folder of frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from captioner.commands.metric.judge import add_precision, whole_number
from captioner.flags import add_device, add_strict, beside_out

HELP = "EMScore of captions of videos, with any CLIP"


def add(commands: Any) -> None:
    sub = commands.add_parser("video", help=HELP, description=__doc__)
    sub.add_argument(
        "--captions", required=True, type=Path, help="captions: JSONL of `captioner caption`, or JSON {id: caption}"
    )
    sub.add_argument("--videos", required=True, type=Path, help="folder of files ID.mp4, or of folders ID with frames")
    sub.add_argument(
        "--references", type=Path, help="references as JSON {id: [caption, ...]}, for EMScore with references"
    )
    sub.add_argument("--clip", default="scenes-clip", help="CLIP or metric checkpoint of the scores (scenes-clip)")
    sub.add_argument(
        "--frames", type=whole_number, default=10, help="frames of a video, evenly spread; 0 takes all (10)"
    )
    add_device(sub)
    add_precision(sub)
    sub.add_argument(
        "--out", type=Path, metavar="FILE.json", help="JSON file for the means and the scores of each caption"
    )
    add_strict(sub, beside_out)
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from captioner.scoring.score_videos import score_videos
    from metric.runtime.console import ended

    score_videos(
        args.captions,
        args.videos,
        references=args.references,
        clip=args.clip,
        frames=args.frames,
        device=args.device,
        precision=args.precision,
        out=args.out,
    )
    keep = ["captioner", *args.typed, "--out", "scores.json"]
    people = ["captioner", "metric", "judge", "--benchmark", "vatex-eval", "--root", "DIR"]
    ended(where=args.out or "", then=[*people, "--metrics", f"clip_s:clip={args.clip}"] if args.out else keep)
