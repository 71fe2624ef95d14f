"""Make synthetic positives for a data set: captions t' of the pictures, and pictures v' for the captions.

A second call continues an interrupted one. Several processes share the work under torchrun or with --shard.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.flags import add_device, add_flags, add_strict, given, in_out
from metric.positives.config import FilterConfig, GenerationConfig, check
from metric.runtime.work_share import FLAG, own_gpu, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from metric.example import Example
    from metric.positives.generate import Makers
    from metric.positives.units import ImageMaker, TextMaker

HELP = "synthetic positives: captions by a captioner, pictures by a text-to-image model"


def add(commands: Any) -> None:
    parser = commands.add_parser("positives", help=HELP, description=__doc__)
    parser.usage = "%(prog)s --out DIR [--data DATA] [--FLAG VALUE ...]"
    parser.add_argument("--data", default="scenes", help="data set: a path or name:option=value,... (scenes)")
    parser.add_argument("--split", default="train", help="split of the data set (train)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the shards")
    parser.add_argument("--shard", default="", metavar="I/N", help=FLAG)
    add_device(parser)
    add_flags(parser, GenerationConfig(), others="making")
    add_flags(parser, FilterConfig(), others="choice")
    add_strict(parser, in_out)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from captioner.data import load
    from metric.positives.contact_sheet import SHEET
    from metric.positives.filter import read_about
    from metric.positives.generate import generate
    from metric.runtime.console import ended
    from metric.runtime.device import device_of

    share = share_of(args.shard, os.environ)
    device = device_of(own_gpu(args.device, os.environ))
    examples = load(args.data, args.split)
    config = with_clip(GenerationConfig(**given(args, GenerationConfig())), examples)
    filtering = FilterConfig(**given(args, FilterConfig()))
    check(config, filtering)
    data = f"{args.data} ({args.split})"
    generate(config, filtering, examples, data, args.out, lambda: makers(config, device), device, share)
    about = read_about(args.out)
    train = ["captioner", "metric", "train", "--data", args.data, "--positives", args.out, "--out", "METRIC"]
    if "filter" in about:
        refuse_nothing_left(about["filter"], args.out)
        ended(f"{about['shards']} shards", f"{args.out}; look at {args.out / SHEET}", train)


def refuse_nothing_left(filtered: Mapping[str, Mapping[str, int]], out: Path) -> None:
    """Raises ValueError where the filter leaves no positive out of those that were made."""
    made, dropped = (sum(counts[what] for counts in filtered.values()) for what in ("made", "dropped"))
    if made and made == dropped:
        raise ValueError(
            f"the filter drops all {made} positives in {out}; run the command again with a lower --min-similarity"
        )


def with_clip(config: GenerationConfig, examples: Sequence[Example]) -> GenerationConfig:
    """The settings with scenes-clip as the CLIP of scenes. Other pictures keep the CLIP that was named, or none."""
    from metric.scenes.world import Scene

    scenes = all(isinstance(example.image, Scene) for example in examples)
    return replace(config, clip="scenes-clip") if scenes and not config.clip else config


def makers(config: GenerationConfig, device: torch.device) -> Makers:
    """The makers of captions and of pictures. A maker of None makes nothing."""
    return text_maker(config, device), image_maker(config, device)


def text_maker(config: GenerationConfig, device: torch.device) -> TextMaker | None:
    """The maker of captions by --text. None for none."""
    from captioner.decoding.own_positives import OwnCaptions
    from captioner.runs.folder import RunFolder
    from metric.positives.captioners import TransformersCaptions
    from metric.positives.renderer import RENDERER, SceneCaptions

    if config.text == "none":
        return None
    if config.text == RENDERER:
        return SceneCaptions()
    is_run = RunFolder(Path(config.text)).checkpoints.is_dir()
    return OwnCaptions(config, device) if is_run else TransformersCaptions(config, device)


def image_maker(config: GenerationConfig, device: torch.device) -> ImageMaker | None:
    """The maker of pictures by --image. None for none."""
    from metric.positives.pipelines import PipelinePictures
    from metric.positives.renderer import RENDERER, ScenePictures

    if config.image == "none":
        return None
    return ScenePictures() if config.image == RENDERER else PipelinePictures(config, device)
