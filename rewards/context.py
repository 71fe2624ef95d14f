"""Context: the facts of a run that a reward may use, besides the options of the reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metric.example import Example


@dataclass(frozen=True)
class Context:
    """The first argument of the factory of a reward. The factory keeps the fields that the reward needs."""

    examples: Sequence[Example] = ()
    "the training examples; the references give CIDEr its document frequency"
    clip: str = "scenes-clip"
    "the CLIP of the run, as `metric.load_clip` takes it"
    device: str = "cpu"
    "device of the networks of a reward"
    seed: int = 0
    "seed of rewards that use random numbers"
