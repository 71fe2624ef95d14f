"""Turn a PAC-S or PAC-S++ checkpoint of the authors into a CLIP folder that scores and rewards take.

The folder is checked against the file's own tensors. A file that scores as plain CLIP does, because its adapters were
lost or it was never tuned, is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from captioner.flags import finite

HELP = "conversion of the authors' .pth into a folder that --pac and pacspp:checkpoint= take"


def add(commands: Any) -> None:
    sub = commands.add_parser("import", help=HELP, description=__doc__)
    sub.add_argument("file", type=Path, metavar="FILE", help="published .pth file")
    sub.add_argument("--out", required=True, type=Path, help="folder for the CLIP")
    sub.add_argument("--alpha", type=finite, default=1.0, help="numerator of the scale of LoRA, alpha / rank (1.0)")
    sub.add_argument(
        "--activation",
        default="auto",
        help="activation: quickgelu, gelu, or auto (gelu for a file called openClip, else quickgelu)",
    )
    sub.add_argument(
        "--base",
        default="",
        metavar="CLIP",
        help="plain CLIP that the scores have to differ from: ARCH:TAG or a folder",
    )
    sub.add_argument(
        "--example",
        type=Path,
        metavar="DIR",
        help="folder example/ of aimagelab/pacscore, for the published values of its two pictures beside ours",
    )
    sub.set_defaults(run=run, makes_folder=True)


def run(args: argparse.Namespace) -> None:
    from captioner.scoring.authors_example import AuthorsExample
    from metric.clip.pacs_import import import_checkpoint
    from metric.clip.tuning import imported
    from metric.runtime.console import ended

    example = AuthorsExample.read(args.example) if args.example else None  # refused before the work
    print(import_checkpoint(args.file, args.out, args.alpha, args.activation, args.base))
    for line in example.lines(str(args.out), imported(args.out)) if example else ():
        print(line)
    reward = f"pacspp:checkpoint={args.out}"
    ended(where=args.out, then=["captioner", "train", "--reward", reward, "--out", "RUN"])
