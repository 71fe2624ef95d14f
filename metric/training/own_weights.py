"""Tuning of a CLIP's own weights, without LoRA: the last projection of each tower, or all weights.

PAC-S trains the projections alone (arXiv 2303.12112). The temperature and the bias of the CLIP stay as they are.
"""

from __future__ import annotations

import re

from torch import nn

from metric.clip.model import Clip
from metric.runtime.console import say
from metric.training.config import MetricConfig

# names of the projections in open_clip's towers: ViT, ResNet, timm; native text, Hugging Face text
IMAGE = r"visual\.(proj|attnpool\.c_proj\..+|head\..+)"
TEXT = r"(text\.)?text_projection(\..+)?|text\.proj\..+"
FIXED = r"logit_(scale|bias)|text_decoder\..+"  # the decoder of a CoCa embeds nothing


def is_projection(name: str) -> bool:
    """Whether a layer or a parameter is the last projection of its tower, or a part of it."""
    return any(re.fullmatch(pattern, name) for pattern in (IMAGE, TEXT))


def train_projections(clip: Clip) -> nn.Module:
    """`clip.model` with gradients in the two projections alone. Prints the number of parameters.

    Raises ValueError for a tower without a projection.
    """
    for tower, pattern in {"image": IMAGE, "text": TEXT}.items():
        projection = [p for name, p in clip.model.named_parameters() if re.fullmatch(pattern, name)]
        if not projection:
            raise ValueError(f"the {tower} tower of {clip.name} ends without a projection; type --method lora")
        for parameter in projection:
            parameter.requires_grad_(True)
        say(f"projection of the {tower} tower: {sum(p.numel() for p in projection):,} parameters learn")
    return clip.model


def train_all(clip: Clip, config: MetricConfig) -> nn.Module:
    """`clip.model` with gradients in all weights of the towers that `--tower` names. Prints their number."""
    learned = 0
    for name, parameter in clip.model.named_parameters():
        of_image = name.startswith("visual.")
        if not re.fullmatch(FIXED, name) and config.tower in ("both", "image" if of_image else "text"):
            parameter.requires_grad_(True)
            learned += parameter.numel()
    total = sum(parameter.numel() for parameter in clip.model.parameters())
    towers = "both towers" if config.tower == "both" else f"the {config.tower} tower"
    say(f"all weights of {towers}, {learned:,} of {total:,} parameters learn")
    return clip.model
