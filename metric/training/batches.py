"""The pictures and texts of a training step, as a function of seed and step."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from metric.example import Example
from metric.runtime.step_order import StepOrder
from metric.similarity import PREFIX


@dataclass(frozen=True)
class Batches:
    """The batches of a data set. `prefix` is the share of texts with the prefix of scores."""

    examples: Sequence[Example]
    batch_size: int
    seed: int
    prefix: float = 0.0

    @property
    def order(self) -> StepOrder:
        return StepOrder(len(self.examples), self.batch_size, self.seed)

    def caption(self, index: int, rng: random.Random) -> str:
        """One of the picture's texts, drawn at random."""
        return rng.choice(self.examples[index].references)

    def prefixed(self, text: str, rng: random.Random) -> str:
        """The text with the scoring prefix, or, as drawn at random, without."""
        return PREFIX + text if rng.random() < self.prefix else text
