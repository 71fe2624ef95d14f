"""The batch of a step: shared among processes, split in parts, and read ahead.

Which pictures, which of their references and which random numbers a step has depends on the seed and the number of the
step alone, not on the number of processes or parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from random import Random

import torch
from einops import rearrange
from torch import Tensor

from captioner.config import Run
from captioner.features.store import Features
from captioner.model.encoder_decoder import Captioner
from captioner.model.vocabulary import Vocabulary, lowercased
from captioner.runs.stages import settings_of
from captioner.training.rollout import Batch, Place
from metric.example import Example
from metric.runtime.device import sent
from metric.runtime.processes import rank, world
from metric.runtime.seeds import seed_of_step
from metric.runtime.step_order import StepOrder

Read = Callable[[int], list[Batch]]
"Step -> the parts of its batch that this process works on."


@dataclass(frozen=True)
class Reader:
    """Reads the batches of one stage."""

    run: Run
    stage: str
    examples: Sequence[Example]
    features: Features
    vocabulary: Vocabulary
    device: torch.device
    reference: Captioner | None = None
    "the model that the reward stage began with"

    def __call__(self, step: int) -> list[Batch]:
        order = StepOrder(len(self.examples), settings_of(self.run, self.stage).batch_size, self.run.seed)
        rng = order.rng(step)
        examples = [self.examples[row] for row in order.indices(step)]
        captions = [[*map(lowercased, self.drawn(rng, example.references))] for example in examples]
        hidden = self.hidden(order.rng(step, "hidden pictures"), len(examples))
        seed, count = seed_of_step(self.run.seed, self.stage, step), self.run.accumulate
        size = len(examples) // (world() * count)

        def part(number: int) -> Batch:
            first = number * size
            chosen = examples[first : first + size]
            references = self.encoded(captions[first : first + size])
            place = Place(first, len(examples))
            features = self.features_of(chosen, hidden[first : first + size])
            return Batch(chosen, features, references, seed, place, self.reference)

        return [part(number) for number in range(rank() * count, (rank() + 1) * count)]

    def drawn(self, rng: Random, references: Sequence[str]) -> list[str]:
        """References of a picture: different ones as far as it has them. The reward stage learns one."""
        count = self.run.xe.references if self.stage == "xe" else 1
        if count == 1:
            return [rng.choice(references)]
        rounds, rest = divmod(count, len(references))
        return [*references] * rounds + rng.sample(references, rest)

    def encoded(self, captions: Sequence[Sequence[str]]) -> Tensor:
        """The tokens of captions, `b r t`, on the CPU. The longest caption has `max_length` tokens after BOS."""
        tokens = self.vocabulary.encode([*chain.from_iterable(captions)], self.run.decode.max_length + 1)
        return rearrange(tokens, "(b r) t -> b r t", b=len(captions))

    def hidden(self, rng: Random, count: int) -> list[bool]:
        """Whether each of the `count` pictures of the batch is hidden. The reward stage hides none."""
        share = self.run.xe.drop_features if self.stage == "xe" else 0.0
        return [rng.random() < share for _ in range(count)]

    def features_of(self, examples: Sequence[Example], hidden: Sequence[bool]) -> Tensor:
        """The features of pictures, `b p f`, on their way to the device. Those of a hidden picture are zeros."""
        features = self.features[[example.id for example in examples]]
        if any(hidden):
            features = features.masked_fill(torch.tensor(hidden)[:, None, None], 0.0)
        return sent(features, self.device)


class Ahead:
    """`read(step)` for steps below `end`. A thread reads the next step while the caller uses this one."""

    def __init__(self, read: Read, end: int) -> None:
        self.read, self.end = read, end
        self.pool = ThreadPoolExecutor(1)
        self.coming: dict[int, Future[list[Batch]]] = {}

    def __call__(self, step: int) -> list[Batch]:
        now = self.coming.pop(step, None) or self.pool.submit(self.read, step)
        if step + 1 < self.end:
            self.coming[step + 1] = self.pool.submit(self.read, step + 1)
        return now.result()


def check_shares(run: Run, stages: Sequence[str], pictures: int) -> None:
    """ValueError when a batch cannot be divided into equal parts for all processes."""
    parts = world() * run.accumulate
    for stage in stages:
        size = min(settings_of(run, stage).batch_size, pictures)
        fitting = [number for number in (size - size % parts, size - size % parts + parts) if 0 < number <= pictures]
        flag = f"--{'xe' if stage == 'xe' else 'rl'}.batch-size"
        if size % parts:
            raise ValueError(
                f"a batch of {size} pictures cannot be divided equally among {world()} process(es) with --accumulate "
                f"{run.accumulate}; type {' or '.join(f'{flag} {n}' for n in fitting) or 'a smaller --accumulate'}"
            )
