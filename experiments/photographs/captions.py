"""Captioners of photographs: cross-entropy, then a reward at a pressure. All read the grid of the frozen trunk.

Cross-entropy sees all training photographs. The reward stage sees those that the photo CLIP has not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from experiments.commands import run_captioner, say, train

MODEL = ("--model.d", 256, "--model.heads", 8, "--model.feedforward", 1024, "--model.vocabulary", 4000)
XE = ("--xe.steps", 1000, "--xe.batch-size", 64, "--xe.lr", 5e-4)
RUNNING = ("--val-count", 300, "--save-every", 20, "--checker", "none")
# pressure -> flags: five beams as in the paper, samples at a learning rate that does not fall, and both with KL
PRESSURES: dict[str, tuple[object, ...]] = {
    "beams": ("--rl.lr", 5e-5, "--rl.warmup", 0.1, "--rl.decay", "--rl.steps", 120, "--val-every", 40),
    "samples": ("--rl.candidates", "sample", "--rl.lr", 1e-4, "--rl.steps", 150, "--val-every", 50),
}
PRESSURES |= {f"{name}+kl": (*flags, "--rl.kl", 0.05) for name, flags in PRESSURES.items()}
SCORES = "classic,text,clip_s,pac_spp:checkpoint={pacspp},pac_spp_hard:checkpoint={hard},incorrect:checker=languagetool"
# reward -> specs; half strength draws the tuned weights halfway back to the photo CLIP
REWARDS = {
    "clips": ("clips",),
    "pacspp": ("pacspp:checkpoint={pacspp}",),
    "hard": ("pacspp_hard:checkpoint={hard}",),
    "half": ("pacspp_hard:checkpoint={hard},scale=0.5",),
    "hard+retrieval": ("pacspp_hard:checkpoint={hard}", "retrieval:weight=0.05"),
    "hard+cider": ("pacspp_hard:checkpoint={hard}", "cider:weight=0.2"),
}


class Setting(NamedTuple):
    """What all captioners share."""

    whole: str
    """data set with all training photographs"""
    half: str
    """data set with the training photographs that the photo CLIP has not seen"""
    clip: Path
    pacspp: Path
    hard: Path
    out: Path
    precision: str

    def reward(self, name: str) -> tuple[str, ...]:
        """The flags of a reward."""
        specs = (spec.format(pacspp=self.pacspp, hard=self.hard) for spec in REWARDS[name])
        return tuple(flag for spec in specs for flag in ("--reward", spec))

    def flags(self, seed: str) -> tuple[object, ...]:
        kept = ("--clip", self.clip, "--features", self.out / "features", "--pac", self.pacspp)
        return ("--seed", seed, "--precision", self.precision, *kept, *MODEL, *RUNNING)

    def folder(self, *words: str) -> Path:
        return self.out / "-".join(words)


def train_captioners(setting: Setting, seeds: list[str], rewards: list[str], pressures: list[str]) -> None:
    """Trains and scores every run, those of the first seed first. What was scored is left alone."""
    for seed in seeds:
        xe = setting.folder("xe", seed)
        captioner(setting, xe, "--data", setting.whole, *setting.flags(seed), "--val-every", 400, *XE)
        for pressure in pressures:
            for name in rewards:
                reward = ("--init", xe, *setting.reward(name), "--rl.batch-size", 32, *PRESSURES[pressure])
                out = setting.folder(name, pressure, seed)
                captioner(setting, out, "--data", setting.half, *setting.flags(seed), *reward)


def captioner(setting: Setting, out: Path, *flags: object) -> None:
    if (out / "scores-test.json").exists():
        return
    say(f"captioner {out.name}")
    train(out, *flags)
    run_captioner("evaluate", out, "--scores", SCORES.format(pacspp=setting.pacspp, hard=setting.hard))


def scored(setting: Setting) -> Iterator[Path]:
    """The runs that have scores of test captions, in the order of their names."""
    return (path.parent for path in sorted(setting.out.glob("*/scores-test.json")))
