"""What there is to make: one unit of work for each picture and number, known by its place in the data set.

A unit's seed is a function of the run's seed and the unit alone, and batches are cut in the order of the data set, so
any number of processes, killed and resumed anywhere, gives the same files.
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
    """The n-th positive of an example. `caption` is the one v' is made from, "" where there is none."""

    number: int
    example: Example
    n: int
    caption: str
    seed: int

    @property
    def key(self) -> str:
        """The name of its files in a shard: webdataset cuts names at the first dot, so no id goes there."""
        return f"{self.number:09d}"


class TextMaker(Protocol):
    """Captions t'. `facts` go into every sample's provenance."""

    @property
    def facts(self) -> dict[str, Any]: ...

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]: ...


class ImageMaker(Protocol):
    """Pictures v'; None where the maker withholds one. `suffix` is the format they are stored in."""

    suffix: str

    @property
    def facts(self) -> dict[str, Any]: ...

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]: ...


def units_of(examples: Sequence[Example], per_picture: int, seed: int) -> list[Unit]:
    """In the order of the data set; captions are used in turn."""
    return [
        Unit(number * per_picture + n, example, n, nth(example.references, n), seed_of_unit(seed, example.id, n))
        for number, example in enumerate(examples)
        for n in range(per_picture)
    ]


def nth(captions: Sequence[str], n: int) -> str:
    return captions[n % len(captions)] if captions else ""
