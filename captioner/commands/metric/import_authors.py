"""Turn a PAC-S or PAC-S++ checkpoint of the authors into a CLIP folder that scores and rewards take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "conversion of the authors' .pth into a folder that --pac and pacspp:checkpoint= take"


def add(commands: Any) -> None:
    sub = commands.add_parser("import", help=HELP, description=__doc__)
    sub.add_argument("file", type=Path, metavar="FILE", help="published .pth file")
    sub.add_argument("--out", required=True, type=Path, help="folder for the CLIP")
    sub.add_argument("--alpha", type=float, default=1.0, help="numerator of the scale of LoRA, alpha / rank (1.0)")
    sub.add_argument(
        "--activation",
        default="auto",
        help="activation: quickgelu, gelu, or auto (gelu for a file called openClip, else quickgelu)",
    )
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from metric.clip.pacs_import import import_checkpoint
    from metric.runtime.console import ended

    print(import_checkpoint(args.file, args.out, args.alpha, args.activation))
    reward = f"pacspp:checkpoint={args.out}"
    ended(where=args.out, then=["captioner", "train", "--reward", reward, "--out", "RUN"])
