"""LoRA as the code of PAC-S++'s authors has it (github.com/aimagelab/pacscore), for a like-for-like metric.

Two things differ from PEFT's. The LoRA of a patch embedding with a kernel of k x k has matrices of rank r k. Both
matrices of attention's input projection are drawn by Xavier's rule, so that the CLIP of step 0 is not the base. PEFT's
format has no place for the first, so a CLIP with its LoRA merged is saved.

Axes: r rank, k the kernel, c and o the channels in and out of a convolution.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import torch
from peft import PeftModel
from peft.tuners.lora import Conv2d, Linear
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.runtime.console import say
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter
from metric.training.lora_layers import patch_embedding, pattern

IN_PROJ = ".attn.in_proj"


class PatchLora(nn.Module):
    """Adds LoRA to the weight `o c k k` of a convolution: B `o k` x `r k` times A `r k` x `c k`, in its shape."""

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        o, c, k, _ = weight.shape
        self.scale = alpha / rank
        self.a = nn.Parameter(weight.new_empty(rank * k, c * k))
        self.b = nn.Parameter(weight.new_zeros(o * k, rank * k))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.b @ self.a).view(weight.shape)


def add_authors_lora(clip: Clip, config: MetricConfig) -> PeftModel:
    """Put the authors' LoRA into `clip.model`, in place, and print its size.

    Raises ValueError for an image tower that does not begin with a convolution of square patches.
    """
    name = patch_embedding(clip)
    if not name or config.dropout:
        why = (
            f"has no dropout, got --dropout {config.dropout:g}" if name else f"needs patches, and {clip.name} has none"
        )
        raise ValueError(f"--method authors {why}; type --method lora")
    model = add_adapter(clip, replace(config, patches=False))
    for place, layer in model.named_modules():
        if isinstance(layer, Linear) and place.endswith(IN_PROJ):
            for matrix in (layer.lora_A["default"], layer.lora_B["default"]):
                nn.init.xavier_uniform_(cast(Tensor, matrix.weight))
    named = not config.targets or pattern(config.targets).fullmatch(name)
    if config.patches and config.tower != "text" and named:
        patches = model.get_base_model().get_submodule(name)
        assert isinstance(patches, nn.Conv2d)
        lora = PatchLora(patches.weight, config.rank, config.alpha)
        register_parametrization(patches, "weight", lora)
        say(f"and of rank {len(lora.a)} in {name}, {lora.a.numel() + lora.b.numel():,} parameters learn")
    return model


@torch.no_grad()
def merged(model: PeftModel, config: MetricConfig) -> Clip:
    """The CLIP of the settings with the LoRA of a trained model added to its weights."""
    clip = load_clip(config.clip, next(model.parameters()).device)
    weights = dict(clip.model.named_parameters())
    for name, layer in model.get_base_model().named_modules():
        if isinstance(layer, (Linear, Conv2d)):
            weight = weights[f"{name}_weight" if name.endswith(IN_PROJ) else f"{name}.weight"]
            weight += layer.get_delta_weight("default")
        elif isinstance(layer, PatchLora):
            weight = weights[name.removesuffix(".parametrizations.weight.0") + ".weight"]
            weight.copy_(layer(weight))
    return clip
