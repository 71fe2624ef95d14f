"""Ids of pictures: as text, as numbers, and as lists in messages."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

SHOWN = 5  # ids named in a message
NUMBER = re.compile(r"(?:.*/)?(?:COCO_(?:train|val|test)[0-9]{4}_)?0*([0-9]+)(?:[.]0+)?")  # of a name without ending


def id_text(value: object, place: str) -> str:
    """An id as text. 1.0, which pandas writes for 1 beside empty cells, is 1. Raises ValueError for no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"{place} has the id {json.dumps(value, default=str)[:80]}, expected text or a whole number")
    return str(value)


def number_of(name: str) -> str:
    """The number that a name without ending stands for, without zeros at its front; "" for another name.

    >>> number_of("COCO_val2014_000000000042"), number_of("42.0"), number_of("dog 42")
    ('42', '42', '')
    """
    match = NUMBER.fullmatch(name)
    return match[1] if match else ""


def share_of_ids(names: Collection[str], total: int) -> str:
    """`3 of 9 ids ('a', 'b', 'c')`, with the first few names."""
    shown = ", ".join(map(repr, sorted(names)[:SHOWN]))
    return f"{len(names):,} of {total:,} ids ({shown}{', ...' if len(names) > SHOWN else ''})"


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a key that comes twice, which JSON allows."""
    content = dict(pairs)
    if len(content) < len(pairs):
        double = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        shown = (
            f"the key {double[0]!r} stands"
            if len(double) == 1
            else f"{len(double):,} keys, such as {double[0]!r}, stand"
        )
        raise ValueError(f"{shown} twice in {json.dumps(content, ensure_ascii=False)[:80]}; give each key once")
    return content
