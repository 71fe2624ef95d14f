"""The items of a data set that a step sees, as a function of the seed and the number of the step."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch

from metric.runtime.seeds import seed_of_step


@dataclass(frozen=True)
class StepOrder:
    """Every epoch is a permutation of `count` items, without a short batch at its end. A batch has no item twice."""

    count: int
    batch_size: int
    seed: int

    def indices(self, step: int) -> list[int]:
        """The indices of the items of a step: `batch_size` of them, or all when there are fewer."""
        size = min(self.batch_size, self.count)
        epoch, position = divmod(step, self.count // size)
        generator = torch.Generator().manual_seed(seed_of_step(self.seed, "epoch", epoch))
        order = torch.randperm(self.count, generator=generator)
        return order[position * size : (position + 1) * size].tolist()

    def rng(self, step: int, of: str = "") -> random.Random:
        """The generator for the choices of a step, such as one of a picture's captions.

        Choices `of` another sort have a generator of their own, so that they move none of the others.
        """
        return random.Random(f"{self.seed}/{step}/{of}" if of else f"{self.seed}/{step}")
