"""The learned metric's own life: pretrain a CLIP, train a PAC-S++, import the authors'."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.flags import add_flags, given
from metric.config import PRESETS, MetricConfig, PretrainConfig

if TYPE_CHECKING:
    import torch

    from metric.example import Example

HELP = "the learned metric: train, pretrain, import"


def add(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="metric_command", metavar="COMMAND", required=True)
    for name, config, what in (
        ("train", MetricConfig(), "tune a CLIP with positive-augmented contrastive loss: a PAC-S++"),
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
    commands.choices["train"].add_argument(
        "--preset",
        choices=PRESETS,
        default="pacspp",
        help="settings that go together, flags win over them: LoRA as the authors', PAC-S's two projections, "
        "or LoRA without made positives (pacspp)",
    )
    add_import(commands)


def add_import(commands: argparse._SubParsersAction) -> None:
    what = "the authors' PAC-S or PAC-S++ .pth as a folder that --pac takes"
    sub = commands.add_parser("import", help=what, description=what)
    sub.add_argument("file", type=Path, metavar="FILE", help="the .pth, as published")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")
    sub.add_argument("--alpha", type=float, default=1.0, help="LoRA's scale is alpha / rank (1.0, the authors')")
    sub.add_argument(
        "--activation", default="auto", help="quickgelu, gelu, or auto: QuickGELU unless the file is called openClip"
    )


def run(args: argparse.Namespace) -> None:
    if args.metric_command == "import":
        run_import(args)
        return
    from captioner.data import load
    from captioner.device import device_of
    from metric.processes import joined

    with joined(device_of(args.device)) as device:
        train, val = load(args.data, "train"), load(args.val or args.data, "val")
        {"train": run_train, "pretrain": run_pretrain}[args.metric_command](args, train, val, device)


def run_import(args: argparse.Namespace) -> None:
    from metric.checkpoints import import_checkpoint

    print(import_checkpoint(args.file, args.out, args.alpha, args.activation))


def run_pretrain(args: argparse.Namespace, train: list[Example], val: list[Example], device: torch.device) -> None:
    from captioner.data import load
    from metric.pretrain import pretrain

    config = PretrainConfig(**given(args, PretrainConfig()))
    words = [text for example in load(args.words, "train") for text in example.references] if args.words else None
    pretrain(config, train, val, args.out, args.resume, words, device)


def run_train(args: argparse.Namespace, train: list[Example], val: list[Example], device: torch.device) -> None:
    from metric.finetune import train_metric
    from metric.positives import positives_for

    config = MetricConfig(**{**PRESETS[args.preset], **given(args, MetricConfig())})
    positives = positives_for(Path(args.positives) if args.positives else None, train)
    train_metric(config, train, val, positives, args.out, args.resume, device)
