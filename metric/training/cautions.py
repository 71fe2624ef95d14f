"""Settings that can be run and hardly ever should: one line each, with the number to use."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from metric.training.config import MetricConfig, PretrainConfig

WARMUP = 0.05  # share of the run, as in metric.training.config and captioner.config
LONG_WARMUP = 0.5
NEGATIVES = 32  # pictures a step below which a contrastive loss has little to tell apart: at most ln 32 = 3.5 nats
USUAL_BATCH = 256  # of the authors of PAC-S++ (arXiv 2410.07336)


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


def contrastive(config: PretrainConfig | MetricConfig) -> list[str]:
    """Of the training of a CLIP. Its batch is that of all processes together, whose embeddings all see."""
    few = []
    if config.batch_size < NEGATIVES:
        few = [
            f"--batch_size {config.batch_size} gives each text {config.batch_size - 1} wrong pictures to be told from, "
            f"over all processes; type --batch_size {USUAL_BATCH}, with --chunk {NEGATIVES} where memory is short"
        ]
    return [*few, *long_warmup("warmup", config.warmup)]


def tell(cautions: Iterable[str]) -> None:
    """On stderr, one line each."""
    for line in cautions:
        print(f"captioner: caution: {line}", file=sys.stderr)
