"""Learning rates as functions of the step, and checks of the warm-up."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """The settings that decide the learning rate of a step. Every settings class of a trainer has them."""

    @property
    def steps(self) -> int: ...

    @property
    def lr(self) -> float: ...

    @property
    def warmup(self) -> float: ...


def learning_rate(step: int, config: Schedule) -> float:
    """One cycle: a straight rise over the warm-up, then half a cosine down to 0. Steps count from 0."""
    rise = config.warmup * config.steps
    if step < rise:
        return config.lr * (step + 1) / (rise + 1)
    return config.lr * (1 + math.cos(math.pi * (step - rise) / (config.steps - rise))) / 2


WARMUP = 0.05  # the usual share of the steps, as in metric.training.config and captioner.config
LONG_WARMUP = 0.5  # share of the steps above which a warm-up is almost always a mistake


def refuse_warmup(flag: str, warmup: float, steps: int) -> None:
    """ValueError for a warm-up that is no share of the steps. Other projects count the warm-up in steps."""
    if 0 <= warmup < 1:
        return
    message = f"--{flag} is a share of the steps, from 0 to less than 1, got {warmup:g}"
    if warmup < 0:
        raise ValueError(f"{message}; type --{flag} {WARMUP}")
    if warmup < steps:
        raise ValueError(f"{message}; for {warmup:g} of {steps} steps type --{flag} {warmup / steps:.3g}")
    raise ValueError(
        f"{message}; a warm-up of that many steps is longer than the run of {steps}; type --{flag} {WARMUP}"
    )


def long_warmup(flag: str, warmup: float) -> list[str]:
    """A warning about a warm-up above LONG_WARMUP, or nothing."""
    if warmup <= LONG_WARMUP:
        return []
    return [f"--{flag} {warmup:g} spends {warmup:.0%} of the steps below the learning rate; type --{flag} {WARMUP}"]
