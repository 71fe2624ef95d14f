"""Write a caption for every picture of a folder or data set. A second call continues an interrupted one.

The ending of --out gives the format: .jsonl, .json (COCO results), .csv or .parquet. With --format txt or webdataset,
--out is a folder. The folder OUT.work holds the finished blocks. Each process of torchrun or accelerate launch takes a
share.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from captioner.flags import add_decoding, add_device, add_strict, decoding_of, finite, no_place, positive, seed_number
from metric.runtime.work_share import FLAG

SCORED = ("jsonl", "coco", "csv", "parquet")  # formats of which `captioner score` is proposed
HELP = "captions for a folder of pictures or a data set"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="",
        help="captioner: a run folder, model folder or hub id; a model of transformers: hf:ORG/NAME or hf:FOLDER",
    )
    parser.add_argument(
        "--from",
        dest="candidates",
        default="",
        metavar="FILE",
        help="captions that others made, in place of --model: rows with an id or picture, and a caption or a list",
    )
    parser.add_argument(
        "--images",
        default="",
        help="pictures: a folder, archive, shards, table, or a data set as name:option=value,...",
    )
    parser.add_argument("--out", required=True, type=Path, help="file or folder for the captions")
    parser.add_argument(
        "--format",
        default="",
        help="format of --out: jsonl, coco, capevalkit, csv, parquet, txt or webdataset (by the ending)",
    )
    parser.add_argument("--split", default="test", help="split of the data set, if --images is one (test)")
    add_generation(parser.add_argument_group("captions"))
    add_work(parser.add_argument_group("work"))
    add_strict(parser, no_place)  # the process that writes --out writes the ledger


def add_generation(parser: Any) -> None:
    """Adds the flags of decoding and of the choice among captions."""
    parser.add_argument(
        "--prompt", default="", metavar="TEXT", help="text that a model of transformers continues, or its question"
    )
    parser.add_argument("--method", default="", help="decoding: beam, greedy or sample (beam; sample with --best-of)")
    add_decoding(parser)
    parser.add_argument(
        "--n", type=positive, default=1, metavar="INT", help="captions that are written of a picture (1)"
    )
    parser.add_argument(
        "--temperature", type=finite, default=1.0, metavar="FLOAT", help="temperature of --method sample (1)"
    )
    parser.add_argument(
        "--top-p",
        type=finite,
        default=1.0,
        metavar="FLOAT",
        help="probability of the nucleus, the likeliest tokens that --method sample draws from (1)",
    )
    parser.add_argument("--seed", type=seed_number, default=0, metavar="INT", help="seed of --method sample (0)")
    parser.add_argument(
        "--best-of",
        type=positive,
        metavar="N",
        help="captions that are made of a picture, the best of which by --reward are written; of --from, the first N",
    )
    parser.add_argument(
        "--reward",
        action="append",
        default=[],
        metavar="SPEC",
        help="reward of a caption, from `captioner rewards`; repeated flags make a mix",
    )
    parser.add_argument(
        "--scores", action="store_true", help="log-probability and rewards of each caption in the output"
    )
    parser.add_argument(
        "--least-score",
        type=finite,
        metavar="FLOAT",
        help="lowest reward of a caption that is written; others are counted",
    )
    parser.add_argument(
        "--drop-phrases",
        action="append",
        default=[],
        metavar="TEXT",
        help="phrase that is removed from the beginning of a caption, or a file with a phrase a line",
    )


def add_work(parser: Any) -> None:
    """Adds the flags of batches, devices, shares and leftovers."""
    parser.add_argument("--batch-size", type=positive, default=64, metavar="INT", help="pictures at a time (64)")
    add_device(parser)
    parser.add_argument(
        "--clip", default="", help="new place of the captioner's CLIP; with hf:, the CLIP of rewards such as clips"
    )
    parser.add_argument(
        "--features", default="", metavar="DIR", help="folder of features that `captioner features` made"
    )
    parser.add_argument("--shard", default="", metavar="I/N", help=FLAG)
    parser.add_argument(
        "--merge", action="store_true", help="merge of the finished shares into --out, without captioning"
    )
    parser.add_argument(
        "--skip-done", action="store_true", help="reuse of the captions in --out, whoever made them and how"
    )
    parser.add_argument(
        "--checker", default="auto", help="grammar checker of the summary: languagetool, harper, none or auto (auto)"
    )
    parser.add_argument(
        "--engine",
        default="local",
        choices=("local", "ray"),
        help="engine of the work: local (this process), or ray (workers of Ray) (local)",
    )
    parser.add_argument("--workers", type=positive, default=2, metavar="INT", help="workers of --engine ray (2)")
    parser.add_argument(
        "--compile", action="store_true", help="compilation of the decoding steps of whole batches, by torch.compile"
    )
    parser.add_argument("--plan", action="store_true", help="time, memory and disk of the work, which is not begun")


def run(args: argparse.Namespace) -> None:
    from captioner.api import caption
    from captioner.captioning.job import merge
    from captioner.captioning.journal import Work
    from metric.runtime.console import ended
    from metric.runtime.work_share import share_of

    for flag in ("plan", "compile"):
        if args.merge and getattr(args, flag):
            raise ValueError(f"--{flag} is for captions that are still to make, got --merge; leave one of them out")
    if args.plan and args.engine == "ray":
        raise ValueError("--plan measures one process, got --engine ray; leave --engine out")
    if args.merge:
        merge(args.out, args.checker)
        return ended(where=args.out, then=next_command(args.out, args.format))
    if args.take and args.engine == "ray":
        raise ValueError(f"--take {args.take[0]} holds in one process, got --engine ray; leave one of them out")
    for name in () if args.candidates else ("model", "images"):
        if not getattr(args, name):
            raise ValueError(f"--{name} is needed without --merge; type --{name} and a value")
    caption(
        args.model,
        args.images,
        args.out,
        split=args.split,
        format=args.format,
        method=args.method,
        **decoding_of(args),
        n=args.n,
        best_of=args.best_of or 0,
        rewards=args.reward,
        scores=args.scores,
        temperature=args.temperature,
        top_p=args.top_p,
        seed=args.seed,
        batch_size=args.batch_size,
        device=args.device,
        clip=args.clip,
        features=args.features,
        shard=args.shard,
        skip_done=args.skip_done,
        checker=args.checker,
        workers=args.workers if args.engine == "ray" else 0,
        prompt=args.prompt,
        candidates=args.candidates,
        drop_phrases=args.drop_phrases,
        least_score=args.least_score,
        compiled=args.compile,
        plan=args.plan,
    )
    if args.plan:
        return ended(then=["captioner", *(word for word in args.typed if word != "--plan")])
    work = Work(args.out)
    if work.lacking(share_of(args.shard, os.environ).count):
        ended(where=work.folder)
    else:
        ended(where=args.out, then=next_command(args.out, args.format))


def next_command(out: Path, kind: str) -> list[object]:
    """The words of the command that reads the captions."""
    from captioner.captioning.formats import format_of

    kind = format_of(out, kind)
    if kind == "webdataset":
        return ["captioner", "data", out]
    return ["captioner", "score", "--captions", out, "--references", "FILE"] if kind in SCORED else []
