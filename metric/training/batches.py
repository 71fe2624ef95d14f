"""Which pictures and which of their texts a training step sees, as a function of seed and step."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from metric.example import Example
from metric.runtime.processes import refuse_unlike, world
from metric.similarity import PREFIX


@dataclass(frozen=True)
class Batches:
    """Every epoch is a permutation of the pictures, without its last short batch; a batch has none twice."""

    examples: Sequence[Example]
    batch_size: int
    seed: int
    prefix: float = 0.0  # share of texts that carry the scoring prefix

    def indices(self, step: int) -> list[int]:
        size = min(self.batch_size, len(self.examples))
        epoch, position = divmod(step, len(self.examples) // size)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.examples), generator=generator)
        return order[position * size : (position + 1) * size].tolist()

    def rng(self, step: int) -> random.Random:
        return random.Random(f"{self.seed}/{step}")

    def caption(self, index: int, rng: random.Random) -> str:
        """One of the picture's texts by lot."""
        return rng.choice(self.examples[index].references)

    def prefixed(self, text: str, rng: random.Random) -> str:
        return PREFIX + text if rng.random() < self.prefix else text


def data_fingerprint(examples: Sequence[Example]) -> str:
    """Of the pictures and captions that are learned from, and their order, by which a batch picks them."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update("\n".join((example.id, *example.references, "")).encode())
    return f"{len(examples)} pictures, {digest.hexdigest()[:12]}"


def refuse_other_data(examples: Sequence[Example]) -> None:
    """ValueError in every process when they have read different pictures or texts: a batch is one batch for all."""
    if world() > 1:
        refuse_unlike("training data", data_fingerprint(examples))
