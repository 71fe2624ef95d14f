"""Pictures and captions that an adapter leaves out, with the reason, so that nothing goes missing in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from metric.example import Example

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeftOut:
    """A picture, caption or shard that was left out. `id` is that of the picture."""

    id: str
    reason: str
    what: str = "picture"
    """picture, caption, or shard"""
    example: Example | None = None
    """the example whose picture is missing: its features, if they are known, are enough"""


Read: TypeAlias = Iterable[Example | LeftOut]


class Tally:
    """Numbers of what was left out by reason, and the first id of each reason."""

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
    """The Examples alone. Warnings at the end tell what was left out."""
    tally = Tally()
    for item in read:
        if isinstance(item, Example):
            yield item
        else:
            tally.add(item)
    for line in tally.lines():
        LOG.warning("%s: %s", source, line)
