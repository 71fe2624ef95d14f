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
    """A picture, caption or shard that was left out. `id` is the picture's id, or the shard's address."""

    id: str
    reason: str
    kind: str = "picture"
    """picture, caption, or shard"""
    example: Example | None = None
    """the example whose picture is missing; with stored features it can still be used"""


Read: TypeAlias = Iterable[Example | LeftOut]


class Tally:
    """The number of pictures, captions and shards left out for each reason, and the first id of each reason."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.first: dict[tuple[str, str], str] = {}

    def add(self, item: LeftOut) -> None:
        key = (item.kind, item.reason)
        self.counts[key] = self.counts.get(key, 0) + 1
        self.first.setdefault(key, item.id)

    def lines(self) -> list[str]:
        """`12 pictures left out: no such file, the first a.jpg`"""
        return [
            f"{count:,} {kind}{'s' * (count > 1)} left out: {reason}, the first {self.first[kind, reason]}"
            for (kind, reason), count in self.counts.items()
        ]


def without_left_out(read: Read, source: str) -> Iterator[Example]:
    """The Examples alone. Warnings at the end count the LeftOuts by reason."""
    tally = Tally()
    for item in read:
        if isinstance(item, Example):
            yield item
        else:
            tally.add(item)
    for line in tally.lines():
        LOG.warning("%s: %s", source, line)
