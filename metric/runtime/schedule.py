"""Learning rates as functions of the step, and warm-ups that cannot be."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """What a learning rate is a function of, besides the step; any of the settings classes."""

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


WARMUP = 0.05  # share of the run, as in metric.training.config and captioner.config


LONG_WARMUP = 0.5


def refuse_warmup(flag: str, warmup: float, steps: int) -> None:
    """ValueError for a warm-up that is no share of the run: other code counts it in steps, and may never end it."""
    if 0 <= warmup < 1:
        return
    said = f"--{flag} is a share of the steps, from 0 to less than 1, got {warmup:g}"
    if warmup < 0:
        raise ValueError(f"{said}; type --{flag} {WARMUP}")
    if warmup < steps:
        raise ValueError(f"{said}; for {warmup:g} of {steps} steps type --{flag} {warmup / steps:.3g}")
    raise ValueError(
        f"{said}; as steps it were longer than the run, all of whose {steps} would be warm-up: type --{flag} {WARMUP}"
    )


def long_warmup(flag: str, warmup: float) -> list[str]:
    if warmup <= LONG_WARMUP:
        return []
    return [f"--{flag} {warmup:g} spends {warmup:.0%} of the steps below the learning rate; type --{flag} {WARMUP}"]
