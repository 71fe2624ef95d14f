"""What a family of scores is: a function from captions and their examples, in the same order, to a Part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from metric.example import Example
from metric.scores.bootstrap import Pooled

if TYPE_CHECKING:
    from metric.clip.embedder import Embedder

PerCaption = dict[str, list[float]]


class Unavailable(Exception):
    """Why a score cannot be had here, where nothing that was asked for is wrong: it is skipped."""


class Part(NamedTuple):
    """What one family finds, of captions in the order they came in."""

    corpus: dict[str, float]
    per_caption: PerCaption
    pooled: dict[str, Pooled] = {}
    """corpus scores that are no mean of the captions' scores, as sums over captions"""
    facts: dict[str, str] = {}
    """score -> what belongs beside its numbers"""


Family = Callable[[list[str], list[Example]], Part]
Options = Mapping[str, str]


@dataclass(frozen=True)
class Given:
    """What scores are computed with when their options name nothing else."""

    clip: Embedder | None
    pac: Embedder | None
    checker: str
    device: str


def means(per_caption: PerCaption) -> dict[str, float]:
    return {name: fmean(numbers) for name, numbers in per_caption.items()}


def together(parts: Sequence[Part]) -> Part:
    whole = Part({}, {})
    for part in parts:
        corpus, per_caption = whole.corpus | part.corpus, whole.per_caption | part.per_caption
        whole = Part(corpus, per_caption, whole.pooled | part.pooled, whole.facts | part.facts)
    return whole
