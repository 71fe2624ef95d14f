"""Long captions, which no CLIP reads whole: their sentences, and scores of sentences as scores of captions.

Each sentence of a caption is scored as a caption of its own. The score of the caption is the mean over its sentences.
A sentence of a reference is a reference of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from statistics import fmean

from metric.example import Example

END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])\s*|\s*\n+\s*")  # the end of a sentence, which is left out
SENTENCES = "sentences"  # the value of the option `long`


def sentences(text: str) -> list[str]:
    """The sentences of a text. A text without a word is one sentence. An abbreviation with a point ends a sentence."""
    return [part for part in END.split(text.strip()) if any(map(str.isalnum, part))] or [text]


def by_sentence(option: str, value: str) -> bool:
    """Whether captions are scored sentence by sentence. Raises ValueError for another value of the option `long`."""
    if value not in ("", SENTENCES):
        raise ValueError(f"{option} is {SENTENCES}, or is left out for whole captions, got {value!r}")
    return value == SENTENCES


@dataclass(frozen=True)
class Split:
    """The sentences of n captions, one after the other, each with the example of its caption."""

    sentences: list[str]
    examples: list[Example]
    counts: list[int]
    """sentences of each caption"""

    @classmethod
    def of(cls, captions: Iterable[str], examples: Sequence[Example]) -> Split:
        """The sentences of captions, of which each has an example."""
        parts = [sentences(caption) for caption in captions]
        shown = [[with_sentences(example)] * len(part) for example, part in zip(examples, parts)]
        return cls([*chain.from_iterable(parts)], [*chain.from_iterable(shown)], [*map(len, parts)])

    def means(self, scores: Sequence[float]) -> list[float]:
        """The mean of the sentences' scores for each caption."""
        return [fmean(scores[start:end]) for start, end in pairwise(accumulate(self.counts, initial=0))]


def with_sentences(example: Example) -> Example:
    """The example whose references are the sentences of its references."""
    return replace(example, references=tuple(chain.from_iterable(map(sentences, example.references))))
