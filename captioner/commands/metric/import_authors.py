"""Turn the authors' PAC-S or PAC-S++ checkpoint into a CLIP folder that scores and rewards take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = "conversion of the authors' .pth into a folder that --pac and pacspp:checkpoint= take"


def add(commands: Any) -> None:
    sub = commands.add_parser("import", help=HELP, description=__doc__)
    sub.add_argument("file", type=Path, metavar="FILE", help=".pth file of PAC-S or PAC-S++, as published")
    sub.add_argument("--out", required=True, type=Path, help="folder of the CLIP")
    sub.add_argument(
        "--alpha",
        type=float,
        default=1.0,
        help="alpha of LoRA, whose scale is alpha / rank (1.0, as the authors have it)",
    )
    sub.add_argument(
        "--activation",
        default="auto",
        help="activation: quickgelu, gelu, or auto, which takes QuickGELU unless the file is called openClip (auto)",
    )
    sub.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from metric.clip.pacs_import import import_checkpoint
    from metric.runtime.console import ended

    print(import_checkpoint(args.file, args.out, args.alpha, args.activation))
    reward = f"pacspp:checkpoint={args.out}"
    ended(where=args.out, then=["captioner", "train", "--reward", reward, "--out", "RUN"])
