"""Score captions from any source. No trained captioner is needed."""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import add_device, add_strict, beside_out

HELP = "scores of captions from any source"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--captions",
        required=True,
        nargs="+",
        type=Path,
        metavar="FILE",
        help="captions: JSONL of `captioner caption` or capevalkit, JSON {id: caption}, or COCO results; several files "
        "are compared in pairs",
    )
    parser.add_argument(
        "--references",
        default="",
        help="references: JSON {id: [caption, ...]}, COCO annotations, Karpathy's JSON, JSONL with references, a "
        "Flickr token file, or a data set name:option=value,...",
    )
    parser.add_argument(
        "--images",
        default="",
        help="folder of the pictures, for CLIP-S and PAC-S; ids are file names with or without ending",
    )
    parser.add_argument("--split", default="test", help="split of a data set or of Karpathy's JSON (test)")
    parser.add_argument(
        "--scores",
        default="all",
        help="scores or families (classic, text, clip, scene, all) with commas between them; options as in "
        "pac_spp:checkpoint=DIR, clip:clip=ARCH:TAG, incorrect:checker=harper (all)",
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="scores of the pictures that have captions, references and a file; the other pictures are counted",
    )
    parser.add_argument(
        "--bootstrap",
        default=1000,
        type=int,
        metavar="N",
        help="bootstrap resamples of the pictures; 0 gives no intervals (1000)",
    )
    add_device(parser)
    parser.add_argument(
        "--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="precision of the CLIPs (fp32)"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the scores")
    parser.add_argument("--per-caption", type=Path, help="CSV file for the scores of each caption")
    add_strict(parser, beside_out)


def run(args: argparse.Namespace) -> None:
    from captioner.scoring.score_files import ScoreJob, score
    from metric.runtime.console import ended

    score(
        ScoreJob(
            captions=args.captions,
            references=args.references,
            images=args.images,
            split=args.split,
            scores=args.scores,
            partial=args.partial,
            bootstrap=args.bootstrap,
            device=args.device,
            precision=args.precision,
            out=args.out,
            per_caption=args.per_caption,
        )
    )
    files = [str(path) for path in (args.out, args.per_caption) if path]
    keep = ["captioner", *args.typed, "--out", "scores.json"]
    ended(where=" and ".join(files), then=with_another(args) if files else keep)


def with_another(args: argparse.Namespace) -> list[object]:
    """The words of the command that compares the captions with others, by the same references, pictures and scores."""
    usual = {"references": "", "images": "", "split": "test", "scores": "all"}
    typed = [(f"--{name}", getattr(args, name)) for name, value in usual.items() if getattr(args, name) != value]
    same = [word for pair in typed for word in pair] + ["--partial"] * args.partial
    return ["captioner", "score", "--captions", *args.captions, "OTHER.json", *same]
