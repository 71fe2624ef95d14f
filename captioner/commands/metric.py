"""The learned metric's own life: pretrain a CLIP, train a PAC-S++."""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import add_flags, given
from metric.config import MetricConfig, PretrainConfig

HELP = "train the learned metric: train, pretrain"


def add(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="metric_command", metavar="COMMAND", required=True)
    for name, config, what in (
        ("train", MetricConfig(), "LoRA on a CLIP with positive-augmented contrastive loss: a PAC-S++"),
        ("pretrain", PretrainConfig(), "plain contrastive training of an open_clip model"),
    ):
        sub = commands.add_parser(name, help=what, description=what)
        sub.add_argument("--data", default="scenes", help="data set, name:option=value,... (scenes)")
        sub.add_argument("--val", default="", help="data set whose validation split is looked at; empty takes --data")
        sub.add_argument("--out", required=True, type=Path, help="folder of the run")
        sub.add_argument("--resume", action="store_true", help="continue the run in --out")
        add_flags(sub, config)
    commands.choices["pretrain"].add_argument(
        "--words", default="", help="data set whose texts a new tokenizer is made from; empty takes --data"
    )
    commands.choices["train"].add_argument(
        "--positives",
        default="",
        help="folder of recorded positives; empty: the renderer for scenes, else other references",
    )


def run(args: argparse.Namespace) -> None:
    from captioner.data import load
    from metric import finetune

    train, val = load(args.data, "train"), load(args.val or args.data, "val")
    if args.metric_command == "pretrain":
        config = PretrainConfig(**given(args, PretrainConfig()))
        words = [text for example in load(args.words, "train") for text in example.references] if args.words else None
        finetune.pretrain(config, train, val, args.out, resume=args.resume, vocabulary=words)
    else:
        from metric.positives import positives_for

        config = MetricConfig(**given(args, MetricConfig()))
        finetune.train_metric(config, train, val, positives_for(args.positives, train), args.out, resume=args.resume)
