"""The layout of the authors' state dicts (github.com/aimagelab/pacscore): sizes, and LoRA beside the weights.

PAC-S is a CLIP with OpenAI's names. PAC-S++ also holds LoRA matrices of the patch embedding, of attention's two
projections and of the MLPs. The authors' loader keeps the first three apart and adds them as it computes. For the MLPs
it uses the stored weights as they are. It merges those when a model goes into eval mode, which happens before the
weights of the file are loaded. The matrices of the MLPs therefore never count. Adding them here would count them twice
if the file was saved merged, and would in any case give another metric than the published one.

Axes: r rank, k the kernel of the convolution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.merged_lora import open_attention

HEAD = 64  # OpenAI's attention heads are 64 wide; the number of heads leaves no trace in a state dict
NEEDED = (
    *("visual.conv1.weight", "visual.positional_embedding", "visual.proj"),
    *("text_projection", "ln_final.weight", "positional_embedding", "token_embedding.weight"),
)
MLP = ".mlp."


@dataclass(frozen=True)
class Lora:
    """The two LoRA matrices of a weight, `r k` x `in k` and `out k` x `r k`; k is 1 except for the convolution."""

    weight: str  # key of the weight they change
    a: Tensor
    b: Tensor
    rank: int

    def delta(self, shape: torch.Size, alpha: float) -> Tensor:
        return (self.b @ self.a).view(shape) * (alpha / self.rank)


def model_config(weights: Mapping[str, Tensor], quick_gelu: bool) -> dict[str, Any]:
    """The configuration for open_clip, with the sizes of the tensors."""
    width, _, _, patch = weights["visual.conv1.weight"].shape
    grid = round((len(weights["visual.positional_embedding"]) - 1) ** 0.5)
    context, text_width = weights["positional_embedding"].shape
    return {
        "embed_dim": weights["text_projection"].shape[1],
        "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": grid * patch, "patch_size": patch, "width": width, "head_width": min(HEAD, width)}
        | {"layers": depth(weights, "visual.transformer")},
        "text_cfg": {"context_length": context, "vocab_size": len(weights["token_embedding.weight"])}
        | {"width": text_width, "heads": max(1, text_width // HEAD), "layers": depth(weights, "transformer")},
    }


def depth(weights: Mapping[str, Tensor], tower: str) -> int:
    return len({key.split(".")[-3] for key in weights if re.fullmatch(rf"{tower}\.resblocks\.\d+\.ln_1\.weight", key)})


def pairs(weights: Mapping[str, Tensor]) -> list[Lora]:
    """All LoRA matrices of the file. Raises ValueError for matrices that do not fit their weight."""
    loras = []
    for key in weights:
        if not key.endswith("lora_A"):
            continue
        stem = key.removesuffix("lora_A")
        weight = stem.removesuffix("_") if stem.endswith("_") else f"{stem}weight"
        if weight not in weights or f"{stem}lora_B" not in weights:
            raise ValueError(f"the checkpoint is incomplete: it has {key} without {weight} and {stem}lora_B")
        a, b, base = weights[key], weights[f"{stem}lora_B"], weights[weight]
        kernel = base.shape[-1] if base.ndim == 4 else 1
        if a.ndim != 2 or b.ndim != 2 or b.shape[1] != len(a) or len(b) * a.shape[1] != base.numel() or len(a) % kernel:
            raise ValueError(
                f"the LoRA of {weight} is {tuple(b.shape)} x {tuple(a.shape)} and the weight is {tuple(base.shape)}: "
                "expected LoRA of the same CLIP"
            )
        loras.append(Lora(weight, a, b, len(a) // kernel))
    return loras


def stored(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the file without LoRA matrices."""
    return {key: tensor for key, tensor in weights.items() if "lora_" not in key}


def merged(weights: Mapping[str, Tensor], loras: list[Lora], alpha: float) -> dict[str, Tensor]:
    """The weights that the authors' code computes with: LoRA is added, except in MLPs."""
    clip = stored(weights)
    for lora in loras:
        if MLP not in lora.weight:
            clip[lora.weight] = clip[lora.weight] + lora.delta(clip[lora.weight].shape, alpha)
    return clip


def add_beside(model: nn.Module, loras: list[Lora], alpha: float) -> nn.Module:
    """Compute as the authors' code does: with LoRA beside the layers of a model of the stored weights."""
    open_attention(model)
    for lora in loras:
        if MLP not in lora.weight:
            layer = model.get_submodule(lora.weight.removesuffix("_weight").removesuffix(".weight"))
            layer.register_forward_hook(beside(lora, alpha / lora.rank))
    return model


def beside(lora: Lora, scale: float) -> Any:
    def add(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        if isinstance(layer, nn.Conv2d):
            product = (lora.b @ lora.a).view(layer.weight.shape)
            return output + scale * F.conv2d(inputs[0], product, stride=layer.stride)
        return output + scale * F.linear(F.linear(inputs[0], lora.a), lora.b)

    return add
