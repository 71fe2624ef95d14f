"""The learned metric's own life: pretrain a CLIP, train a PAC-S++."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.flags import add_flags, given
from metric.config import MetricConfig, PretrainConfig

if TYPE_CHECKING:
    import torch

    from metric.example import Example

HELP = "train the learned metric: train, pretrain"


def add(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="metric_command", metavar="COMMAND", required=True)
    for name, config, what in (
        ("train", MetricConfig(), "LoRA on a CLIP with positive-augmented contrastive loss: a PAC-S++"),
        ("pretrain", PretrainConfig(), "plain contrastive training of an open_clip model"),
    ):
        sub = commands.add_parser(name, help=what, description=what)
        sub.add_argument("--data", default="scenes", help="data set, name:option=value,... (scenes)")
        sub.add_argument("--val", default="", help="data set whose val split is looked at; empty takes --data")
        sub.add_argument("--out", required=True, type=Path, help="folder of the run")
        sub.add_argument("--resume", action="store_true", help="continue the run in --out")
        sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
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
    from captioner.device import device_of

    device = device_of(args.device)
    train, val = load(args.data, "train"), load(args.val or args.data, "val")
    {"train": run_train, "pretrain": run_pretrain}[args.metric_command](args, train, val, device)


def run_pretrain(args: argparse.Namespace, train: list[Example], val: list[Example], device: torch.device) -> None:
    from captioner.data import load
    from metric.pretrain import pretrain

    config = PretrainConfig(**given(args, PretrainConfig()))
    words = [text for example in load(args.words, "train") for text in example.references] if args.words else None
    pretrain(config, train, val, args.out, args.resume, words, device)


def run_train(args: argparse.Namespace, train: list[Example], val: list[Example], device: torch.device) -> None:
    from metric.finetune import train_metric
    from metric.positives import positives_for

    config = MetricConfig(**given(args, MetricConfig()))
    positives = positives_for(Path(args.positives) if args.positives else None, train)
    train_metric(config, train, val, positives, args.out, args.resume, device)
