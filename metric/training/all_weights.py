"""Tuning of all weights of the towers of a CLIP, without LoRA. The temperature and the bias of the CLIP stay."""

from __future__ import annotations

from torch import nn

from metric.clip.model import Clip
from metric.runtime.console import say
from metric.training.config import MetricConfig

FIXED = ("logit_scale", "logit_bias")


def train_all(clip: Clip, config: MetricConfig) -> nn.Module:
    """`clip.model` with gradients in all weights of the towers that `--tower` names. Prints their number."""
    learned = 0
    for name, parameter in clip.model.named_parameters():
        of_image = name.startswith("visual.")
        if name not in FIXED and config.tower in ("both", "image" if of_image else "text"):
            parameter.requires_grad_(True)
            learned += parameter.numel()
    total = sum(parameter.numel() for parameter in clip.model.parameters())
    towers = "both towers" if config.tower == "both" else f"the {config.tower} tower"
    say(f"all weights of {towers}, {learned:,} of {total:,} parameters learn")
    return clip.model
