"""What settings may be: numbers within a range, and texts, for which a path is as good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import inf
from pathlib import PurePath
from typing import Any, NamedTuple


class Range(NamedTuple):
    """Numbers from `least` to `most`. An open end does not belong to the range, and infinity never does."""

    least: float
    most: float = inf
    open_least: bool = False
    open_most: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, (int, float)):
            return False
        above = self.least < value if self.open_least else self.least <= value
        return above and (value < self.most if self.open_most or self.most == inf else value <= self.most)

    def __str__(self) -> str:
        least = f"above {self.least:g}" if self.open_least else f"{self.least:g} or more"
        most = f" and {'below' if self.open_most else 'at most'} {self.most:.10g}"
        return least + (most if self.most < inf else "")


SEED = Range(0, 2**32 - 1)
ABOVE_0 = Range(0, open_least=True)
SHARE = Range(0, 1)
DROPOUT = Range(0, 1, open_most=True)
NUCLEUS = Range(0, 1, open_least=True)


def refuse_outside(values: Mapping[str, Any], ranges: Mapping[str, Range]) -> None:
    """Raises ValueError for the first setting among `values` that is outside of its range, named as it is typed."""
    for name, within in ranges.items():
        if name in values and values[name] not in within:
            raise ValueError(f"--{name.replace('_', '-')} is {within}, got {values[name]!r}")


def take_paths(config: Any) -> None:
    """Makes each path among the text settings of a frozen dataclass its text. Raises ValueError for another value."""
    for item in fields(config):
        value = getattr(config, item.name)
        if item.type not in (str, "str") or isinstance(value, str):
            continue
        if not isinstance(value, PurePath):
            raise ValueError(f"{item.name} of {type(config).__name__} is a text or a path, got {value!r}")
        object.__setattr__(config, item.name, str(value))
