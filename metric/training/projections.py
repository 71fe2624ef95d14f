"""The last projection of each tower, all that PAC-S trains (arXiv 2303.12112)."""

from __future__ import annotations

import re

from torch import nn

from metric.clip.model import Clip
from metric.runtime.console import say

# names of the projections in open_clip's towers: ViT, ResNet, timm; native text, Hugging Face text
IMAGE = r"visual\.(proj|attnpool\.c_proj\..+|head\..+)"
TEXT = r"(text\.)?text_projection(\..+)?|text\.proj\..+"


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
