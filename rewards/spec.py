"""RewardSpec: the text `name:option=value,...,weight=0.5` of the command line, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metric.spec import SYNTAX, plain, quoted, split_spec


@dataclass(frozen=True)
class RewardSpec:
    """The name, options and weight of a reward, as the user wrote them. `parse` reads the text of `str`.

    The registry checks that the name and the options exist.
    """

    name: str
    "plain name: `PAC-S++` and `pac_spp` become `pacspp`"
    options: tuple[tuple[str, str], ...] = ()
    "pairs (name, value) as written, without the weight"
    weight: float = 1.0
    "factor of the reward in the weighted sum"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", plain(self.name))
        if not self.name:
            raise ValueError(f"{SYNTAX}; the name is missing")
        if not math.isfinite(self.weight):
            raise ValueError(f"reward {self.name}: weight must be a finite number, got {self.weight}")
        for option, value in self.options:
            if not typable(value):
                raise ValueError(f"reward {self.name}: {option}={value!r} cannot be typed on one line; rename it")

    def __str__(self) -> str:
        options = [f"{option}={quoted(value)}" for option, value in self.options]
        options += [f"weight={self.weight!r}"] if self.weight != 1.0 else []
        return f"{self.name}:{','.join(options)}" if options else self.name


def typable(value: str) -> bool:
    """Whether the value of an option is read back as it was written."""
    try:
        return split_spec(f"name:option={quoted(value)}")[1] == {"option": value}
    except ValueError:
        return False


def parse(text: str) -> RewardSpec:
    """`pacspp:checkpoint=runs/m,weight=0.5` -> RewardSpec. Raises ValueError for other text.

    >>> parse("PAC-S++:checkpoint=runs/m,weight=0.5")
    RewardSpec(name='pacspp', options=(('checkpoint', 'runs/m'),), weight=0.5)
    """
    name, options = split_spec(text)
    weight = read_weight(options.pop("weight", "1.0"), text)
    return RewardSpec(name, tuple(options.items()), weight)


def read_weight(value: str, text: str) -> float:
    """The weight in the spec `text`. Raises ValueError for a `value` that is no number."""
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"--reward {text}: weight must be a number, got {value!r}; for example weight=0.5") from None


def distinct(keys: Sequence[str]) -> list[str]:
    """Names, of which a repeated name has a number: `[pacspp, pacspp]` -> `[pacspp, pacspp#2]`."""
    counts = [keys[: i + 1].count(key) for i, key in enumerate(keys)]
    return [key if count == 1 else f"{key}#{count}" for key, count in zip(keys, counts)]


def keyed(specs: Sequence[RewardSpec]) -> Iterator[tuple[str, RewardSpec]]:
    """The rewards of a mix by their plain names. A repeated name has a number."""
    return zip(distinct([spec.name for spec in specs]), specs)
