"""Warnings about settings that work but are almost always a mistake. Each warning is one line with a better value."""

from __future__ import annotations

from captioner.config import Rl, Run, Xe
from captioner.presets import PRESETS
from metric.runtime.schedule import long_warmup

CARRIED = 2  # a reward stage at 1/CARRIED of cross-entropy's learning rate or more ruins captions in few steps
FAST = 10  # a learning rate above FAST times that of the preset of the model's size gets a warning
UNIT_TAU = 10  # tau of DiCO for gaps of about 1: 300 times the gaps of .03 that PAC-S has between candidates


def cautions(run: Run) -> list[str]:
    """The warnings for a run, before the run begins."""
    warnings = long_warmup("xe.warmup", run.xe.warmup) if run.xe.steps and not run.init else []
    return [*warnings, *(reward_stage(run) if run.rewards else [])]


def reward_stage(run: Run) -> list[str]:
    """The warnings for the reward stage: its warm-up, its learning rate and its start."""
    usual, rate = usual_rate(run), run.rl.lr
    warnings = long_warmup("rl.warmup", run.rl.warmup)
    if CARRIED * rate >= run.xe.lr:
        warnings.append(
            f"--rl.lr {rate:g} is near the learning rate of cross-entropy ({run.xe.lr:g}). Such a rate ruins captions "
            f"in the reward stage; type --rl.lr {usual:g}"
        )
    elif rate > FAST * usual:
        warnings.append(
            f"--rl.lr {rate:g} is {rate / usual:.0f} times the usual rate for a model of this size; "
            f"type --rl.lr {usual:g}"
        )
    if run.rl.objective == "dico" and run.rl.mix != "raw" and run.rl.tau > UNIT_TAU:
        warnings.append(
            f"--rl.mix {run.rl.mix} makes reward gaps of about 1, and --rl.tau {run.rl.tau:g} is for gaps of .03. The "
            f"worst candidate alone would count as a loser; type --rl.tau {UNIT_TAU}"
        )
    if not run.init and not run.xe.steps:
        warnings.append(
            "the reward stage begins with an untrained model. No reward improves its captions, which are noise; "
            f"type --init RUN, or --xe.steps {usual_steps(run)}"
        )
    return warnings


def preset_of(run: Run) -> dict:
    """The preset of a size whose width is nearest to the width of the model."""
    widths = {name: preset.get("model.d", Run().model.d) for name, preset in PRESETS.items()}
    return PRESETS[min(widths, key=lambda name: abs(widths[name] - run.model.d))]


def usual_rate(run: Run) -> float:
    return preset_of(run).get("rl.lr", Rl().lr)


def usual_steps(run: Run) -> int:
    return preset_of(run).get("xe.steps", Xe().steps)
