"""The batch of a step: shared among processes, split in parts, the next one read while this one is used.

Which pictures, which of their captions and what is drawn for them depends on the seed and the step's number alone,
not on how many processes or parts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from captioner.config import Rl, Run, Xe
from captioner.data import clean
from captioner.features.store import Features
from captioner.model.encoder_decoder import Captioner
from captioner.training.rollout import Batch, Place
from metric.example import Example
from metric.runtime.processes import rank, world
from metric.runtime.seeds import seed_of_step
from metric.runtime.step_order import StepOrder

Read = Callable[[int], list[Batch]]
"The parts of a step's batch that this process works on."


@dataclass(frozen=True)
class Reader:
    """Of one stage; `reference` is the model that the reward stage began with."""

    run: Run
    stage: str
    examples: Sequence[Example]
    features: Features
    device: torch.device
    reference: Captioner | None = None

    def __call__(self, step: int) -> list[Batch]:
        order = StepOrder(len(self.examples), settings_of(self.run, self.stage).batch_size, self.run.seed)
        rng = order.rng(step)
        picked = [self.examples[row] for row in order.indices(step)]
        captions = [clean(rng.choice(example.references)) for example in picked]
        seed, count = seed_of_step(self.run.seed, self.stage, step), self.run.accumulate
        size = len(picked) // (world() * count)
        starts = [number * size for number in range(rank() * count, (rank() + 1) * count)]
        return [
            Batch(mine, self.seen(mine), captions[at : at + size], seed, self.reference, Place(at, len(picked)))
            for at in starts
            for mine in [picked[at : at + size]]
        ]

    def seen(self, examples: Sequence[Example]) -> Tensor:
        """Their features, `b p f`, on their way to the device."""
        features = self.features[[example.id for example in examples]]
        pinned = features.pin_memory() if self.device.type == "cuda" else features
        return pinned.to(self.device, non_blocking=True)


class Ahead:
    """`read(step)` before `end`, and the next step's on a thread while this one's is used."""

    def __init__(self, read: Read, end: int) -> None:
        self.read, self.end = read, end
        self.pool = ThreadPoolExecutor(1)
        self.coming: dict[int, Future[list[Batch]]] = {}

    def __call__(self, step: int) -> list[Batch]:
        now = self.coming.pop(step, None) or self.pool.submit(self.read, step)
        if step + 1 < self.end:
            self.coming[step + 1] = self.pool.submit(self.read, step + 1)
        return now.result()


def settings_of(run: Run, stage: str) -> Xe | Rl:
    return run.xe if stage == "xe" else run.rl


def check_shares(run: Run, stages: Sequence[str], pictures: int) -> None:
    """ValueError for a batch that is not so many equal parts."""
    parts = world() * run.accumulate
    for stage in stages:
        size = min(settings_of(run, stage).batch_size, pictures)
        fitting = [number for number in (size - size % parts, size - size % parts + parts) if 0 < number <= pictures]
        flag = f"--{'xe' if stage == 'xe' else 'rl'}.batch_size"
        if size % parts:
            raise ValueError(
                f"a batch of {size} pictures cannot be divided equally among {world()} process(es) with --accumulate "
                f"{run.accumulate}; type {' or '.join(f'{flag} {n}' for n in fitting) or 'a smaller --accumulate'}"
            )
