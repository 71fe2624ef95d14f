"""LoRA put into both towers of a CLIP for training, and saved as a PEFT folder."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from metric.clip.merged_lora import open_attention
from metric.clip.model import Clip
from metric.clip.tuning import remember_base, whole_name
from metric.runtime.console import say
from metric.training.config import MetricConfig
from metric.training.lora_layers import summary, targets


def add_adapter(clip: Clip, config: MetricConfig) -> PeftModel:
    """Put LoRA into `clip.model`, in place, and print the layers. B starts at zero, which changes no embedding."""
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
    model.peft_config["default"].base_model_name_or_path = whole_name(config.clip)  # PEFT asks the model
    learned, total = model.get_nb_trainable_parameters()
    say(f"LoRA of rank {config.rank} in {len(layers)} layers, {learned:,} of {total:,} parameters learn\n{counts}")
    return model


def save_adapter(model: PeftModel, fingerprint: str, folder: Path) -> None:
    """Write adapter_config.json, adapter_model.safetensors, and which CLIP they were trained on."""
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink()  # an empty form
    remember_base(folder, model.peft_config["default"].base_model_name_or_path or "", fingerprint)
