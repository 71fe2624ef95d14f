"""Named settings for `--preset`: sizes and published recipes. Both may be given: `--preset small --preset m2`.

A size (`paper`, `small`) sets the size of the model and the length of the training. A recipe sets how rewards become a
gradient. At full size (`paper`, or no size) a recipe also sets the published learning rate and batch. Another size
keeps its own learning rate and batch. `--reward` gives the reward, which is no part of a preset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from captioner.config import flag
from captioner.config_checks import CHOICES

# Sizes: settings of the model's size and of the training's length.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {  # for scenes, on a laptop: minutes, not days
        "data": "scenes:count=8000",
        "model.d": 128,
        "model.heads": 4,
        "model.encoder_layers": 2,
        "model.decoder_layers": 2,
        "model.feedforward": 512,
        "model.vocabulary": 1000,
        "decode.max_length": 24,
        "xe.steps": 1200,
        "xe.batch_size": 64,
        "xe.lr": 1e-3,
        "rl.steps": 300,
        "rl.batch_size": 32,
        "rl.lr": 1e-4,
        "rl.warmup": 0.1,
        "rl.decay": True,
        "val_every": 100,
        "val_count": 200,
        "save_every": 100,
    },
}


@dataclass(frozen=True)
class Recipe:
    """A published way to train on a reward. `objective` holds at every size, `schedule` at full size."""

    source: str
    objective: dict[str, Any]
    schedule: dict[str, Any]


def rl(**settings: Any) -> dict[str, Any]:
    """Settings of the reward stage by dotted name: `rl(lr=1e-6)` -> `{"rl.lr": 1e-6}`."""
    return {f"rl.{name}": value for name, value in settings.items()}


RECIPES = {
    "rennie": Recipe(
        "arXiv 1612.00563: one sample against the greedy caption",
        rl(objective="scst", candidates="sample", samples=1, baseline="greedy", normalise="sum"),
        rl(lr=5e-5),
    ),
    "m2": Recipe(
        "arXiv 1912.08226 and its train.py: 5 beams of 10 pictures against their mean, log p averaged over 20 tokens",
        rl(objective="scst", candidates="beam", samples=5, baseline="mean", normalise="max_length"),
        {**rl(lr=5e-6, batch_size=10), "decode.max_length": 20},
    ),
    "pacspp": Recipe(
        "arXiv 2410.07336: 5 beams against their mean; the reward is --reward pacspp:checkpoint=DIR",
        rl(objective="scst", candidates="beam", samples=5, baseline="mean", normalise="max_length"),
        rl(lr=5e-6, batch_size=50),
    ),
    "new_self_critical": Recipe(
        "arXiv 2003.09971 and ImageCaptioning.pytorch's transformer_nscl.yml: 5 samples, each against the other 4",
        rl(objective="scst", candidates="sample", samples=5, baseline="leave_one_out", normalise="token"),
        rl(lr=5e-6, batch_size=10),
    ),
    "camel": Recipe(
        "arXiv 2202.10492 and its train.py, without the mean teacher: 5 beams of 5 pictures against their mean, log p "
        "over the caption's own length",
        rl(objective="scst", candidates="beam", samples=5, baseline="mean", normalise="length"),
        {**rl(lr=5e-6, batch_size=5), "xe.batch_size": 25},
    ),
    "cosnet": Recipe(
        "arXiv 2206.06930 and xmodaler's cosnet_rl.yaml, without the retrieved words: cross-entropy of 5 references a "
        "picture, then 5 samples of 16 pictures, each against the other 4",
        rl(objective="scst", candidates="sample", samples=5, baseline="leave_one_out", normalise="token"),
        {
            **rl(lr=1e-5, batch_size=16),
            "xe.batch_size": 32,
            "xe.references": 5,
            "xe.lr": 5e-4,
            "xe.label_smoothing": 0.1,
        },
    ),
    "dico": Recipe(
        "arXiv 2408.14547 and its train_dico_coco.sh: 5 beams, beta 0.2, tau 300, 8 pictures on each of two GPUs",
        rl(objective="dico", candidates="beam", samples=5, baseline="mean", normalise="sum", kl=0.2, tau=300.0),
        rl(lr=1e-6, batch_size=16),
    ),
}


def settings_of(names: Sequence[str]) -> dict[str, Any]:
    """The settings of at most one size and one recipe, by dotted name. Raises ValueError for two of a kind."""
    sizes, recipes = ([name for name in names if name in group] for group in (PRESETS, RECIPES))
    for kind, named in (("sizes", sizes), ("recipes", recipes)):
        if len(named) > 1:
            raise ValueError(f"--preset {' and --preset '.join(named)} are two {kind}; give one of them")
    size = PRESETS[sizes[0]] if sizes else {}
    if not recipes:
        return size
    recipe = RECIPES[recipes[0]]
    return {**recipe.schedule, **size, **recipe.objective}


def refuse_contradiction(name: str, typed: dict[str, Any]) -> None:
    """Raises ValueError if a typed flag makes another choice than the recipe. Another number is allowed."""
    for setting, value in RECIPES[name].objective.items():
        if setting in CHOICES and typed.get(setting, value) != value:
            raise ValueError(
                f"--preset {name} is {flag(setting)} {value} ({RECIPES[name].source}), "
                f"got {flag(setting)} {typed[setting]}; leave one of them out"
            )
