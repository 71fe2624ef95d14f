"""What an adapter read and left out, beside the Examples, so that nothing goes missing in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from metric.example import Example

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeftOut:
    """`id` is the picture's, or that of the picture whose caption was left out."""

    id: str
    reason: str
    what: str = "picture"
    """picture, caption, or shard"""
    example: Example | None = None
    """as it would be, where only its picture is missing: whoever has its features needs no more"""


Read: TypeAlias = Iterable[Example | LeftOut]


class Tally:
    """How many were left out for which reason, and the first of each."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.first: dict[tuple[str, str], str] = {}

    def add(self, left: LeftOut) -> None:
        kind = (left.what, left.reason)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first.setdefault(kind, left.id)

    def lines(self) -> list[str]:
        """`12 pictures left out: no such file, the first a.jpg`"""
        return [
            f"{count:,} {what}{'s' * (count > 1)} left out: {reason}, the first {self.first[what, reason]}"
            for (what, reason), count in self.counts.items()
        ]


def kept(read: Read, source: str) -> Iterator[Example]:
    """The Examples alone; at the end a warning says what else there was."""
    tally = Tally()
    for each in read:
        if isinstance(each, Example):
            yield each
        else:
            tally.add(each)
    for line in tally.lines():
        LOG.warning("%s: %s", source, line)
