"""A benchmark of human judgement: captions of pictures, and the judgements of people.

Axes: n items, one caption of one picture each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from metric.example import Example, Picture
from metric.judgement.agreement import accuracy, kendall, linear
from metric.video import FRAMES

WORTH = {"half": "a tie is half a point", "lot": "a tie is decided by lot", "error": "a tie is an error"}


@dataclass(frozen=True)
class Item:
    """A caption to be scored. The example's id is the item's own: several items may share a picture."""

    example: Example
    caption: str


class Verdict(Protocol):
    """The judgements of people on the items."""

    @property
    def units(self) -> Sequence[Sequence[int]]:
        """The units of a resample: the data points of one picture have one number."""

    def __len__(self) -> int: ...

    def agreement(self, scores: np.ndarray, points: np.ndarray) -> dict[str, float]:
        """The agreement of a metric's scores `n` with these data points, which may occur several times."""

    def keep(self, items: Sequence[int]) -> Verdict:
        """The data points of the chosen items alone. Items are numbered anew."""


@dataclass(frozen=True)
class Ratings:
    """Numbers that people gave to captions, one a data point."""

    items: tuple[int, ...]
    scores: tuple[float, ...]
    pictures: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def units(self) -> list[list[int]]:
        return grouped(self.pictures)

    def agreement(self, scores: np.ndarray, points: np.ndarray) -> dict[str, float]:
        ours, theirs = scores[np.asarray(self.items)[points]], np.asarray(self.scores)[points]
        return kendall(ours, theirs) | linear(ours, theirs)

    def keep(self, items: Sequence[int]) -> Ratings:
        place = {item: number for number, item in enumerate(items)}
        points = [point for point, item in enumerate(self.items) if item in place]
        return Ratings(
            tuple(place[self.items[point]] for point in points),
            tuple(self.scores[point] for point in points),
            tuple(self.pictures[point] for point in points),
        )


@dataclass(frozen=True)
class Raters:
    """Ratings of all items by several people: the mean agreement with one of them. A data point is an item."""

    ratings: tuple[Ratings, ...]
    decimals: int
    """scores are rounded to so many decimals before they are ranked"""

    def __len__(self) -> int:
        return len(self.ratings[0])

    @property
    def units(self) -> list[list[int]]:
        return self.ratings[0].units

    def agreement(self, scores: np.ndarray, points: np.ndarray) -> dict[str, float]:
        rounded = scores.round(self.decimals)
        return average([ratings.agreement(rounded, points) for ratings in self.ratings])

    def keep(self, items: Sequence[int]) -> Raters:
        return replace(self, ratings=tuple(ratings.keep(items) for ratings in self.ratings))


@dataclass(frozen=True)
class Choice:
    """Choices of the better of two texts. A text is an item, or a paragraph of several items with a mean score."""

    better: tuple[int, ...]
    worse: tuple[int, ...]
    kind: str = ""
    picture: str = ""
    """choices with one picture are drawn together by the bootstrap; a choice without picture is drawn alone"""


class Means(NamedTuple):
    """the items of each text, one text after the other"""

    items: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of_texts(cls, texts: Sequence[tuple[int, ...]]) -> Means:
        sizes = np.array([len(text) for text in texts])
        return cls(np.array([item for text in texts for item in text]), np.cumsum(sizes) - sizes, sizes)

    def averages(self, scores: np.ndarray) -> np.ndarray:
        """The mean score of each text."""
        return np.add.reduceat(scores[self.items], self.starts) / self.sizes


@dataclass(frozen=True)
class Choices:
    """Pairs of captions. With kinds of pairs, the accuracy is the mean over kinds. `ties` is one of TIES."""

    pairs: tuple[Choice, ...]
    ties: str = "error"

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def units(self) -> list[list[int]]:
        return grouped([pair.picture or f"pair {number}" for number, pair in enumerate(self.pairs)])

    def agreement(self, scores: np.ndarray, points: np.ndarray) -> dict[str, float]:
        margins = self.better.averages(scores) - self.worse.averages(scores)
        return accuracy(margins[points], self.kinds[points], self.ties, self.lots[points])

    @cached_property
    def better(self) -> Means:
        return Means.of_texts([pair.better for pair in self.pairs])

    @cached_property
    def worse(self) -> Means:
        return Means.of_texts([pair.worse for pair in self.pairs])

    @cached_property
    def kinds(self) -> np.ndarray:
        return np.array([pair.kind for pair in self.pairs])

    @cached_property
    def lots(self) -> np.ndarray:
        """The ties that are won where ties are decided by lot, the same in every call."""
        return np.random.default_rng(0).integers(2, size=len(self.pairs))

    def keep(self, items: Sequence[int]) -> Choices:
        place = {item: number for number, item in enumerate(items)}
        pairs = tuple(
            replace(pair, better=tuple(map(place.get, pair.better)), worse=tuple(map(place.get, pair.worse)))  # type: ignore[arg-type]
            for pair in self.pairs
            if all(item in place for item in (*pair.better, *pair.worse))
        )
        return replace(self, pairs=pairs)


@dataclass(frozen=True)
class Benchmark:
    """A set of judged captions, ready to be scored."""

    name: str
    protocol: str
    """a sentence about the rows, the references and the measure"""
    rounds: tuple[tuple[Item, ...], ...]
    """the items; several times where references are drawn at random and results are averaged"""
    verdict: Verdict
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """reason why rows of the files are not judged -> their names"""
    corpus: tuple[str, ...] = ()
    """captions in which video scores count rare words; empty: the references are used"""
    frames: int = FRAMES
    """frames that the benchmark's authors look at in a video, evenly spread; 0 for all"""
    version: str = ""
    """name of the version of the protocol, where the field knows several"""
    references: int = 0
    """most references of an item, 0 for all"""
    quoted: str = "tau_c"
    """the result that is usually quoted"""

    @property
    def items(self) -> tuple[Item, ...]:
        return self.rounds[0]

    def noting(self, reason: str, names: Sequence[str]) -> Benchmark:
        """The benchmark with a note that rows of those names were left out."""
        return replace(self, left_out={**self.left_out, reason: tuple(names)}) if names else self

    def without(self, reason: str, lost: Mapping[int, str]) -> Benchmark:
        """The benchmark without some items, given by number with their names."""
        if not lost:
            return self
        remaining = [number for number in range(len(self.items)) if number not in lost]
        rounds = tuple(tuple(items[number] for number in remaining) for items in self.rounds)
        smaller = replace(self, rounds=rounds, verdict=self.verdict.keep(remaining))
        if not len(smaller.verdict):
            raise ValueError(
                f"{self.name} has no item left to judge; {reason}: {len(lost)}, the first is {min(lost.values())}"
            )
        return smaller.noting(reason, list(dict.fromkeys(lost.values())))

    def with_references(self, most: int) -> Benchmark:
        """The benchmark with the first `most` references of each item alone."""
        return replace(
            self,
            references=most,
            protocol=f"{self.protocol}; at most {most} references",
            rounds=tuple(tuple(shortened(item, most) for item in items) for items in self.rounds),
        )

    def with_ties(self, ties: str) -> Benchmark:
        """The benchmark of pairs with another worth of a tie, one of TIES. Raises ValueError without pairs."""
        if not isinstance(self.verdict, Choices):
            raise ValueError(f"{self.name} has ratings and no pairs, so --ties {ties} changes nothing; leave it out")
        return replace(self, verdict=replace(self.verdict, ties=ties))

    @property
    def rule(self) -> str:
        """The protocol with its version and the worth of a tie."""
        named = f"{self.version}: {self.protocol}" if self.version else self.protocol
        return f"{named}; {WORTH[self.verdict.ties]}" if isinstance(self.verdict, Choices) else named


def shortened(item: Item, most: int) -> Item:
    return replace(item, example=replace(item.example, references=item.example.references[:most]))


@dataclass(frozen=True)
class Rated:
    """A row of a benchmark that rates one caption once."""

    picture: str
    image: Path | Picture
    references: tuple[str, ...]
    caption: str
    score: float


def of_ratings(name: str, protocol: str, rows: Sequence[Rated]) -> Benchmark:
    """The benchmark with an item and a data point for each row."""
    if not rows:
        raise ValueError(f"{name} has no rating; expected the files as their authors publish them")
    items = tuple(
        Item(Example(f"{row.picture} {number}", row.image, row.references), row.caption)
        for number, row in enumerate(rows)
    )
    verdict = Ratings(tuple(range(len(rows))), tuple(row.score for row in rows), tuple(row.picture for row in rows))
    return Benchmark(name, protocol, (items,), verdict)


def grouped(names: Sequence[str]) -> list[list[int]]:
    """Numbers for names: equal names have equal numbers."""
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(name, []).append(number)
    return list(groups.values())


def average(results: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in results])) for name in results[0]}
