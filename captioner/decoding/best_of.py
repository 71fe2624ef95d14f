"""The best of several drawn captions by a reward: what a reward gives without any training.

Axes: b pictures, k captions of each, t tokens, p patches, f CLIP features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captioner.config import Decode
from captioner.decoding.generate import generate
from captioner.model.encoder_decoder import Captioner
from metric.example import Example
from metric.runtime.seeds import seed_of_unit
from rewards.mix import Mix


@dataclass(frozen=True)
class BestOf:
    """Draws `count` captions of each picture, and keeps the one with the highest reward."""

    count: int
    reward: Mix
    seed: int = 0

    def __call__(
        self, captioner: Captioner, examples: Sequence[Example], features: Tensor, decode: Decode
    ) -> list[str]:
        """One caption of each example, from features `b p f`. Captions are drawn at temperature 1."""
        generated = generate(
            captioner,
            features,
            method="sample",
            k=self.count,
            max_length=decode.max_length,
            no_repeat_ngram=decode.no_repeat_ngram,
            guidance=decode.guidance,
            lots=lots([example.id for example in examples], self.count, decode.max_length, self.seed),
        )
        total, _ = self.reward(examples, generated.captions)
        return [captions[i] for captions, i in zip(generated.captions, order(total, True)[:, 0].tolist())]


def order(total: Tensor, best: bool) -> Tensor:
    """The order of the candidates, `b k`: by falling reward with `best`, else as they were made.

    Of two candidates with equal reward, the earlier comes first.
    """
    if best:
        return total.argsort(dim=1, descending=True, stable=True)
    return torch.arange(total.shape[1]).expand_as(total)


def lots(names: Sequence[str], k: int, max_length: int, seed: int) -> Tensor:
    """Random numbers for the method sample, `b k t`, of the pictures with the ids `names`.

    The numbers of a picture depend on its id and the seed alone. So no caption depends on the batch, on the
    number of processes or on a kill.
    """
    generators = (torch.Generator().manual_seed(seed_of_unit(seed, name, 0)) for name in names)
    return torch.stack([torch.rand((k, max_length), generator=source, dtype=torch.float64) for source in generators])
