"""Context: the facts of a run that every reward may use besides its own options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metric.example import Example


@dataclass(frozen=True)
class Context:
    """The argument of a reward's factory, which keeps the fields that its reward needs."""

    examples: Sequence[Example] = ()
    "the training examples, whose references give CIDEr its document frequency"
    clip: str = "scenes-clip"
    "the CLIP of the run, as `metric.load_clip` takes it"
    device: str = "cpu"
    "where a reward's networks run"
    seed: int = 0
    "seed of rewards that use random numbers"
