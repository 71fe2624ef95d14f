"""LoRA on both towers of a CLIP: put in for training, saved as a PEFT folder, loaded and merged.

nn.MultiheadAttention keeps its input projection as a bare parameter and reads its output projection's weight
past any wrapper, so plain LoRA layers cannot take hold of it. PEFT's own layer for it (0.21) adds the output
projection's delta twice and lets rounding drift into the base weights (huggingface/peft#3774). So while an
adapter is in, attention is computed by two ordinary linear layers over the same parameters.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.model import ADAPTER, Clip, frozen, load_clip
from metric.runtime.processes import say
from metric.training.config import MetricConfig
from metric.training.lora_layers import summary, targets

BASE = "base.json"  # beside the adapter: the fingerprint of the CLIP it belongs to


class LinearAttention(nn.Module):
    """Self-attention as nn.MultiheadAttention computes it, by two linear layers that share its weights."""

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
    """A layer over these very parameters."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = weight, bias
    return layer


def open_attention(model: nn.Module) -> dict[str, nn.MultiheadAttention]:
    """Replace every block's attention by LinearAttention; what stood there is returned by name."""
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.MultiheadAttention) and re.search(r"resblocks\.\d+\.attn$", name)
    }
    for name, module in found.items():
        model.set_submodule(name, LinearAttention(module))
    return found


def add_adapter(clip: Clip, config: MetricConfig) -> PeftModel:
    """Into `clip.model`, in place; says where. B starts at zero, so nothing changes before the first step."""
    open_attention(clip.model)
    layers = targets(clip, config)
    counts = summary(clip, layers)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]  # any number does
        lora_dropout=config.dropout,
        target_modules="|".join(map(re.escape, layers)),  # PEFT matches it with whole names
    )
    torch.manual_seed(config.seed)
    model = get_peft_model(clip.model, lora)
    base = str(Path(config.clip).resolve()) if Path(config.clip).exists() else config.clip
    model.peft_config["default"].base_model_name_or_path = base  # PEFT asks the model, which does not know
    learned, whole = model.get_nb_trainable_parameters()
    say(f"LoRA of rank {config.rank} in {len(layers)} layers, {learned:,} of {whole:,} parameters learn\n{counts}")
    return model


def save_adapter(model: PeftModel, fingerprint: str, folder: Path) -> None:
    """adapter_config.json, adapter_model.safetensors, and the base CLIP's fingerprint."""
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink()  # an empty form
    (folder / BASE).write_text(json.dumps({"fingerprint": fingerprint}) + "\n")


def load_adapter(folder: Path, name: str, device: str | torch.device = "cpu") -> Clip:
    """The CLIP that adapter_config.json names with the adapter merged in: an ordinary CLIP again."""
    settings: dict[str, Any] = json.loads((folder / ADAPTER).read_text())
    clip = load_clip(settings["base_model_name_or_path"], device)
    if (folder / BASE).is_file():
        expected = json.loads((folder / BASE).read_text())["fingerprint"]
        if clip.fingerprint != expected:
            raise ValueError(
                f"{folder} was trained on a CLIP with fingerprint {expected}, {clip.name} now has "
                f"{clip.fingerprint}: restore that CLIP or train the adapter again"
            )
    closed = open_attention(clip.model)
    model = fitted(clip, folder).merge_and_unload()
    for place, attention in closed.items():
        opened = model.get_submodule(place)
        attention.in_proj_weight.data = opened.in_proj.weight.data
        attention.out_proj.weight.data = opened.out_proj.weight.data
        model.set_submodule(place, attention)
    return Clip(name, frozen(model), clip.preprocess, clip.tokenizer, clip.config)


def fitted(clip: Clip, folder: Path) -> PeftModel:
    """PEFT's own loading, whose refusals are pages long."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(clip.model, str(folder))
    except (RuntimeError, ValueError, UserWarning, SafetensorError) as error:
        why = " ".join(str(error).split())[:160]
        raise ValueError(f"the adapter in {folder} does not fit {clip.name}, its base ({why})") from error
