"""Context: what every reward of a run may know besides its own options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metric.example import Example


@dataclass(frozen=True)
class Context:
    """Handed to a reward's factory; the reward keeps what it needs of it."""

    examples: Sequence[Example] = ()
    "the training examples, whose references give CIDEr its document frequency"
    clip: str = "scenes-clip"
    "the CLIP of the run, as `metric.load_clip` takes it"
    device: str = "cpu"
    "where a reward's networks run"
    seed: int = 0
    "for rewards that draw lots"
