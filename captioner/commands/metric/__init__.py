"""Train, import and test learned metrics. PAC-S++ is a CLIP that is tuned with generated positives."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.commands.metric import audit, export, harden, import_authors, judge, positives, video
from captioner.flags import add_device, add_flags, add_strict, add_track, given, in_out, is_scenes, tracked
from metric.runtime.interrupts import Interrupted
from metric.training.config import PRESETS, MetricConfig, PretrainConfig, refuse_idle

if TYPE_CHECKING:
    import torch

    from metric.example import Example

HELP = "learned metrics: train, pretrain, import, export, positives, judge, audit, harden, video"

OPTIMISATION = ("steps", "batch_size", "chunk", "lr", "weight_decay", "warmup", "precision")
TRAIN_GROUPS = {
    "weights to train": ("clip", "method", "rank", "alpha", "dropout", "tower", "patches", "targets"),
    "loss": ("loss", "lambda_v", "lambda_t", "negatives", "lambda_n", "negatives_form", "negative_kinds")
    + ("negatives_from", "prefix"),
    "optimisation": OPTIMISATION,
}
PRETRAIN_GROUPS = {
    "weights to train": ("config", "init", "image_tower", "trunk", "freeze_trunk"),
    "optimisation": (*OPTIMISATION, "prefix"),
}


def add(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="metric_command", metavar="COMMAND", required=True)
    for name, config, groups, help_text in (
        (
            "train",
            MetricConfig(),
            TRAIN_GROUPS,
            "training of a PAC-S++ from a CLIP, with the positive-augmented contrastive loss",
        ),
        ("pretrain", PretrainConfig(), PRETRAIN_GROUPS, "plain contrastive training of an open_clip model"),
    ):
        sub = commands.add_parser(name, help=help_text, description=config.__doc__)
        sub.usage = "%(prog)s --out RUN [--data DATA] [--FLAG VALUE ...]"
        sub.add_argument("--data", default="scenes", help="data set: a path or name:option=value,... (scenes)")
        sub.add_argument("--val", default="", help="data set of the validation, by its split val; empty takes --data")
        sub.add_argument("--out", required=True, type=Path, help="folder of the run")
        sub.add_argument("--resume", action="store_true", help="continuation of the run in --out")
        sub.add_argument("--plan", action="store_true", help="memory, disk and steps of the run, which is not begun")
        add_device(sub)
        add_track(sub)
        add_strict(sub, in_out)
        add_flags(sub, config, groups, others="running")
    commands.choices["pretrain"].add_argument(
        "--words", default="", help="data set of the texts for a new tokenizer; empty takes --data"
    )
    commands.choices["train"].add_argument(
        "--positives",
        default="",
        help="folder of `captioner metric positives`; empty takes the renderer for scenes, else other references",
    )
    commands.choices["train"].add_argument(
        "--preset",
        choices=PRESETS,
        default="pacspp",
        help="named settings: pacspp (LoRA), pacspp_authors (LoRA as the authors' code has it), pacspp_hard (with hard "
        "text negatives), pacs (two projections) or plain (LoRA without generated positives); flags win (pacspp)",
    )
    for command in (import_authors, export, positives, judge, audit, harden, video):
        command.add(commands)


def run(args: argparse.Namespace) -> None:
    from captioner.data import load
    from metric.runtime.console import ended
    from metric.runtime.device import device_of
    from metric.runtime.processes import joined, rank
    from metric.runtime.trackers import tracking
    from metric.storage.provenance import record_metric

    with joined(), with_resume_command(args.typed):
        device = device_of(args.device)
        train, val = load(args.data, "train"), load(args.val or args.data, "val")
        config = (
            metric_config(args) if args.metric_command == "train" else PretrainConfig(**given(args, PretrainConfig()))
        )
        if args.plan:
            return planned(args, config, train, device)
        with tracking(tracked(args), args.out, asdict(config)):
            if isinstance(config, MetricConfig):
                run_train(config, train, val, args.out, args.resume, device, args.positives)
            else:
                run_pretrain(config, train, val, args.out, args.resume, device, args.words)
        if rank() == 0:
            record_metric(args.out, args.data, getattr(args, "positives", ""))
            ended(reached(args.out), args.out, next_command(args))


def planned(
    args: argparse.Namespace, config: MetricConfig | PretrainConfig, train: list[Example], device: torch.device
) -> None:
    """Prints the plan of a training that is not begun."""
    from captioner.training.metric_plan import plan
    from metric.runtime.console import say

    if args.resume:
        raise ValueError("--plan is for a run that is not begun, got --resume; leave one of them out")
    for line in plan(config, train, args.out, device, texts_of(getattr(args, "words", ""))):
        say(line)


def metric_config(args: argparse.Namespace) -> MetricConfig:
    """The settings of the preset, changed by the typed flags.

    Raises ValueError for a typed setting of negatives, or the preset of negatives, in a training without negatives.
    """
    typed = given(args, MetricConfig())
    config = MetricConfig(**{**PRESETS[args.preset], **typed})
    refuse_idle(config, typed)
    if PRESETS[args.preset].get("negatives") and not config.negatives:
        raise ValueError(f"--preset {args.preset} trains with negatives, got --negatives 0; type --preset pacspp")
    return config


def reached(out: Path) -> str:
    """The number of steps and the loss, by the last row of metrics.jsonl."""
    from captioner.runs.folder import RunFolder

    last = RunFolder(out).metrics[-1]
    return f"{last['step']} training steps, the last with a loss of {last['loss']:.3f}"


def next_command(args: argparse.Namespace) -> list[object]:
    """The words of the command that uses the trained CLIP."""
    if args.metric_command == "pretrain":
        return ["captioner", "metric", "train", "--data", args.data, "--clip", args.out / "clip", "--out", "METRIC"]
    reward = "pacs" if args.preset == "pacs" else "pacspp_hard" if metric_config(args).negatives else "pacspp"
    size = ["--preset", "small"] if is_scenes(args.data) else []
    return [
        "captioner",
        "train",
        *size,
        "--reward",
        f"{reward}:checkpoint={args.out}",
        "--data",
        args.data,
        "--out",
        "RUN",
    ]


@contextmanager
def with_resume_command(typed: Sequence[str]) -> Iterator[None]:
    """Adds to an interrupt the command that continues the run: the typed words and --resume."""
    try:
        yield
    except Interrupted as stop:
        resume = [] if "--resume" in typed else ["--resume"]
        raise Interrupted(stop.number, stop.saved, shlex.join(["captioner", *typed, *resume])) from None


def run_pretrain(
    config: PretrainConfig,
    train: list[Example],
    val: list[Example],
    out: Path,
    resume: bool,
    device: torch.device,
    words: str,
) -> None:
    """Pretrain a CLIP. The texts of the data set `words`, or those of `train` without it, make a new tokenizer."""
    from metric.training.pretrain import pretrain

    pretrain(config, train, val, out, resume, texts_of(words), device)


def texts_of(words: str) -> list[str] | None:
    """The texts of the data set `words`; None without one."""
    from captioner.data import load

    return [text for example in load(words, "train") for text in example.references] if words else None


def run_train(
    config: MetricConfig,
    train: list[Example],
    val: list[Example],
    out: Path,
    resume: bool,
    device: torch.device,
    positives: str,
) -> None:
    """Tune a CLIP with the positives of the folder `positives`, or with the choice of `positives_for` for ""."""
    from metric.positives.sources import positives_for
    from metric.training.finetune import train_metric

    made = positives_for(Path(positives) if positives else None, train)
    train_metric(config, train, val, made, out, resume, device)
