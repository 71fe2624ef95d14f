"""The memory, the disk and the steps of `captioner metric train` and `pretrain`, told before the training begins.

Memory is that of this process with the CLIP, and what the training adds. Activations are measured on one picture and
on one text, and counted for the items that a step keeps at a time: all of its batch, or --chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from captioner.training.needs import FLOAT, MOMENTS, Need, kept, refuse_what_does_not_fit, told
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example, open_image
from metric.training.config import MetricConfig, PretrainConfig
from metric.training.finetune import METHODS, check_method
from metric.training.loop import check
from metric.training.negatives import check_negatives
from metric.training.pretrain import begin

SMALLER = "--chunk N to keep the activations of N items at a time, or a smaller --batch-size"


def plan(
    config: MetricConfig | PretrainConfig,
    training: Sequence[Example],
    out: Path,
    device: torch.device,
    texts: Iterable[str] | None = None,
) -> Iterator[str]:
    """The lines of the plan, of which the last raises ValueError when the training does not fit. Nothing is begun.

    `texts` make the tokenizer of a new CLIP; None takes those of the data.
    """
    check(config)
    clip, model = opened(config, training, device, texts)
    trained = FLOAT * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    saved = (config.keep + 1) * (1 + MOMENTS) * trained  # the new checkpoint is written beside the old ones
    needs = [
        Need("gradients and moments of AdamW", memory=(1 + MOMENTS) * trained),
        Need("activations of a step", memory=activations(clip, config, training)),
        Need("checkpoints and the trained weights", disk=saved + trained),
    ]
    yield from told(needs, out, device, "program, data and CLIP")
    size = min(config.batch_size, len(training))
    looks = config.steps * size / len(training)
    yield (
        f"{config.steps:,} steps of {size:,} pictures, each of the {len(training):,} pictures "
        f"{looks:.1f} times; {trained // FLOAT:,} weights learn"
    )
    refuse_what_does_not_fit(needs, out, device, SMALLER)


def opened(
    config: MetricConfig | PretrainConfig,
    training: Sequence[Example],
    device: torch.device,
    texts: Iterable[str] | None,
) -> tuple[Clip, nn.Module]:
    """The CLIP, and the module whose weights are trained. Raises ValueError for settings that cannot be trained."""
    check(config)
    if isinstance(config, PretrainConfig):
        clip = begin(config, training, texts).to(device)
        return clip, clip.model
    check_method(config)
    check_negatives(config)
    clip = load_clip(config.clip, device)
    return clip, METHODS[config.method](clip, config).train()


def activations(clip: Clip, config: MetricConfig | PretrainConfig, training: Sequence[Example]) -> int:
    """The bytes that the backward pass of a step needs: of pictures and texts, and of those that are made for them."""
    if not (described := [example for example in training if example.references]):
        raise ValueError("--data has no captions to learn from")
    example = described[0]
    pixels = torch.stack([clip.preprocess(open_image(example.image))] * 2)  # batch normalisation wants two
    picture = kept(lambda: clip.encode_image(pixels), clip.model) // 2
    text = kept(lambda: clip.encode_text([max(example.references, key=len)]), clip.model)
    pictures = texts = min(config.batch_size, len(training))
    if isinstance(config, MetricConfig):
        pictures *= 1 + bool(config.lambda_v)
        texts *= 1 + bool(config.lambda_t) + config.negatives
    if config.chunk:
        return config.chunk * max(picture, text)
    return pictures * picture + texts * text
