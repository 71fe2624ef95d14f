"""A saved LoRA adapter and its CLIP, merged into an ordinary CLIP; attention as layers that LoRA can wrap.

nn.MultiheadAttention keeps its input projection as a bare parameter and reads the weight of its output projection past
any wrapper. Plain LoRA layers therefore cannot wrap it. PEFT's own layer for it (0.21) adds the output projection's
delta twice and lets rounding drift into the base weights (huggingface/peft#3774). While an adapter is in, attention is
computed by two ordinary linear layers over the same parameters.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

from einops import rearrange
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.model import ADAPTER, Clip, frozen
from metric.clip.tuning import refuse_other_base


class LinearAttention(nn.Module):
    """Self-attention of nn.MultiheadAttention, computed by two linear layers that share its weights."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        self.in_proj = linear(attention.in_proj_weight, attention.in_proj_bias)
        self.out_proj = linear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool, attn_mask: Tensor | None
    ) -> tuple[Tensor, None]:
        """`b t d` -> `b t d`."""
        assert query is key and key is value and not need_weights
        q, k, v = rearrange(self.in_proj(query), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask)
        return self.out_proj(rearrange(out, "b h t d -> b t (h d)")), None


def linear(weight: Any, bias: Any) -> nn.Linear:
    """A linear layer that shares these parameters."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = weight, bias
    return layer


def open_attention(model: nn.Module) -> dict[str, nn.MultiheadAttention]:
    """Replace the attention of every block by LinearAttention. -> name -> the module that was replaced."""
    attentions = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.MultiheadAttention) and re.search(r"resblocks\.\d+\.attn$", name)
    }
    for name, module in attentions.items():
        model.set_submodule(name, LinearAttention(module))
    return attentions


def base_of(folder: Path) -> str:
    """The name, for `load_clip`, of the CLIP that an adapter belongs to."""
    settings: dict[str, Any] = json.loads((folder / ADAPTER).read_text())
    return settings["base_model_name_or_path"]


def merged(clip: Clip, folder: Path, name: str, scale: float = 1.0) -> Clip:
    """An ordinary CLIP called `name`: the base `clip`, with `scale` times the adapter of the folder added to it.

    The base is changed in place. ValueError when the adapter was trained on another CLIP or does not fit.
    """
    refuse_other_base(folder, clip)
    closed = open_attention(clip.model)
    adapted = fitted(clip, folder)
    for layer in adapted.modules():
        if isinstance(layer, LoraLayer):
            layer.scale_layer(scale)
    model = adapted.merge_and_unload()
    for place, attention in closed.items():
        opened = model.get_submodule(place)
        attention.in_proj_weight.data = opened.in_proj.weight.data
        attention.out_proj.weight.data = opened.out_proj.weight.data
        model.set_submodule(place, attention)
    return Clip(name, frozen(model), clip.preprocess, clip.tokenizer, clip.config)


def fitted(clip: Clip, folder: Path) -> PeftModel:
    """The CLIP with its adapter, loaded by PEFT. Raises ValueError with a short form of PEFT's long messages."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(clip.model, str(folder))
    except (RuntimeError, ValueError, UserWarning, SafetensorError) as error:
        why = " ".join(str(error).split())[:160]
        raise ValueError(f"the adapter in {folder} does not fit {clip.name}, its base ({why})") from error
