"""Make synthetic positives for a data set, captions of its pictures and pictures for its captions; goes on where an
earlier call stopped. Under torchrun, or with --shard, several processes share the work."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.flags import add_flags, given
from metric.generators.config import FilterConfig, GenerationConfig, check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from metric.example import Example
    from metric.generators.generate import Makers
    from metric.generators.units import ImageMaker, TextMaker

HELP = "make synthetic positives for a data set: captions by a captioner, pictures by a text-to-image model"


def add(commands: Any) -> None:
    parser = commands.add_parser("positives", help=HELP, description=__doc__)
    parser.add_argument("--data", default="scenes", help="data set, name:option=value,... (scenes)")
    parser.add_argument("--split", default="train", help="of the data set (train)")
    parser.add_argument("--out", required=True, type=Path, help="folder of the shards")
    parser.add_argument("--shard", default="", help="I/N: make every N-th shard from the I-th, counted from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N; auto takes torchrun's GPU (auto)")
    add_flags(parser, GenerationConfig())
    add_flags(parser, FilterConfig())
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from captioner.data import load
    from captioner.device import device_of
    from metric.generators.generate import generate

    share = share_of(args.shard, os.environ)
    device = device_of(own_gpu(args.device, os.environ))
    examples = load(args.data, args.split)
    config = with_clip(GenerationConfig(**given(args, GenerationConfig())), examples)
    filtering = FilterConfig(**given(args, FilterConfig()))
    check(config, filtering)
    data = f"{args.data} ({args.split})"
    generate(config, filtering, examples, data, args.out, lambda: makers(config, device), device, share)


def share_of(text: str, environment: Mapping[str, str]) -> tuple[int, int]:
    """This process's number and how many there are: as typed, else torchrun's, else it is alone."""
    place, slash, count = (text or f"{environment.get('RANK', 0)}/{environment.get('WORLD_SIZE', 1)}").partition("/")
    if not (slash and place.isdecimal() and count.isdecimal() and int(place) < int(count)):
        raise ValueError(f"--shard is I/N with I from 0 to N - 1, such as 0/4; got {text!r}")
    return int(place), int(count)


def own_gpu(device: str, environment: Mapping[str, str]) -> str:
    """`auto` under torchrun is the process's own GPU, where there are any."""
    import torch

    local = environment.get("LOCAL_RANK")
    return f"cuda:{local}" if device == "auto" and local and torch.cuda.is_available() else device


def with_clip(config: GenerationConfig, examples: Sequence[Example]) -> GenerationConfig:
    """Scenes have a CLIP of their own; for photographs one is named or there is none."""
    from metric.scenes.world import Scene

    scenes = all(isinstance(example.image, Scene) for example in examples)
    return replace(config, clip="scenes-clip") if scenes and not config.clip else config


def makers(config: GenerationConfig, device: torch.device) -> Makers:
    return text_maker(config, device), image_maker(config, device)


def text_maker(config: GenerationConfig, device: torch.device) -> TextMaker | None:
    from captioner.positives import OwnCaptions
    from metric.generators.captions import TransformersCaptions
    from metric.generators.renderer import RENDERER, SceneCaptions

    if config.text == "none":
        return None
    if config.text == RENDERER:
        return SceneCaptions()
    own = (Path(config.text) / "checkpoints").is_dir()
    return OwnCaptions(config, device) if own else TransformersCaptions(config, device)


def image_maker(config: GenerationConfig, device: torch.device) -> ImageMaker | None:
    from metric.generators.pictures import PipelinePictures
    from metric.generators.renderer import RENDERER, ScenePictures

    if config.image == "none":
        return None
    return ScenePictures() if config.image == RENDERER else PipelinePictures(config, device)
