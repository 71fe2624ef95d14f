"""Units of work: one for each picture and number of its positive, named by its place in the data set.

The seed of a unit depends on the run's seed and the unit alone, and batches follow the order of the data set. Any
number of processes, killed and resumed at any moment, therefore writes the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from metric.example import Example
from metric.runtime.seeds import seed_of_unit


@dataclass(frozen=True)
class Unit:
    """The n-th positive of an example. Its picture v' is made from `caption`, "" for an example without captions."""

    number: int
    example: Example
    n: int
    caption: str
    seed: int

    @property
    def key(self) -> str:
        """The name of its files in a shard: a number, since ids have dots, at which webdataset cuts names."""
        return f"{self.number:09d}"


class TextMaker(Protocol):
    """A maker of captions t'. `facts` go into the provenance of every sample."""

    @property
    def facts(self) -> dict[str, Any]: ...

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]: ...


class ImageMaker(Protocol):
    """A maker of pictures v', which gives None for a picture that it withholds. `suffix` is the format of the files."""

    suffix: str

    @property
    def facts(self) -> dict[str, Any]: ...

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]: ...


def units_of(examples: Sequence[Example], per_picture: int, seed: int) -> list[Unit]:
    """The units of examples in their order, `per_picture` for each. The captions of an example are used in turn."""
    return [
        Unit(number * per_picture + n, example, n, nth(example.references, n), seed_of_unit(seed, example.id, n))
        for number, example in enumerate(examples)
        for n in range(per_picture)
    ]


def nth(captions: Sequence[str], n: int) -> str:
    return captions[n % len(captions)] if captions else ""
