"""Pictures and captions that an adapter leaves out, with the reason, so that nothing goes missing in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from metric.example import Example
from metric.storage.ledger import Ledger, report


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


def without_left_out(read: Read, source: str) -> Iterator[Example]:
    """The Examples alone. The LeftOuts are reported to the ledger at the end."""
    ledger = Ledger()
    for item in read:
        if isinstance(item, Example):
            yield item
        else:
            ledger.add(source, item.kind, item.id, item.reason)
    report(ledger)
