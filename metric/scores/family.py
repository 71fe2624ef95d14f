"""A family of scores: a function from captions and their examples, in the same order, to a Part."""

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
    """The reason why a score is skipped: something is missing here, and nothing that was typed is wrong."""


class Part(NamedTuple):
    """The scores of one family, in the order of the captions."""

    corpus: dict[str, float]
    per_caption: PerCaption
    pooled: dict[str, Pooled] = {}
    """corpus scores that are no means of the captions' scores, as sums over captions"""
    facts: dict[str, str] = {}
    """score -> fact to print beside its numbers"""


Family = Callable[[list[str], list[Example]], Part]
Options = Mapping[str, str]


@dataclass(frozen=True)
class Defaults:
    """The models and settings of scores whose options name no other models or settings."""

    clip: Embedder | None
    pac: Embedder | None
    checker: str
    device: str
    precision: str = ""
    """of all CLIPs; "" for that of `clip` and `pac`, and fp32 for CLIPs that options name"""


def means(per_caption: PerCaption) -> dict[str, float]:
    """Score -> mean over captions."""
    return {name: fmean(numbers) for name, numbers in per_caption.items()}


def together(parts: Sequence[Part]) -> Part:
    """The parts of several families as one."""
    combined = Part({}, {})
    for part in parts:
        corpus, per_caption = combined.corpus | part.corpus, combined.per_caption | part.per_caption
        combined = Part(corpus, per_caption, combined.pooled | part.pooled, combined.facts | part.facts)
    return combined
