"""The options of a reward: the keywords of its factory, and their values as they are typed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metric.spec import did_you_mean

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": lambda value: BOOLEANS[value.lower()],
}


@dataclass(frozen=True)
class Option:
    """A keyword of a factory. `type` is int, float, str or bool, as a word."""

    name: str
    type: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.type} = {self.default!r}"


def options_of(name: str, factory: Callable[..., Any]) -> tuple[Option, ...]:
    """The factory's keywords after `context`; annotations may be strings, as they are in this file."""
    _, *parameters = inspect.signature(factory).parameters.values()
    options = []
    for parameter in parameters:
        annotation = parameter.annotation
        kind = annotation if isinstance(annotation, str) else annotation.__name__
        if kind not in READERS or parameter.default is parameter.empty or parameter.name == "weight":
            raise ValueError(
                f"reward {name}: option {parameter} must be annotated {', '.join(READERS)}, have a default, "
                "and not be called weight"
            )
        options.append(Option(parameter.name, kind, parameter.default))
    return tuple(options)


def read_options(name: str, options: Sequence[Option], typed: Mapping[str, str]) -> dict[str, Any]:
    """All options of the reward `name`, those that were typed in the types it declares. Raises ValueError."""
    known = {option.name: option for option in options}
    values = {option.name: option.default for option in options}
    for option, text in typed.items():
        if option not in known:
            raise ValueError(f"reward {name} has no option {option}: {suggestion(option, [*known, 'weight'])}")
        try:
            values[option] = READERS[known[option].type](text)
        except (ValueError, KeyError):
            raise ValueError(
                f"reward {name}: {option} must be {known[option].type}, got {text!r}; "
                f"for example {name}:{option}={known[option].default}"
            ) from None
    return values


def suggestion(word: str, known: Sequence[str]) -> str:
    """The nearest of the known names, then all of them: `did you mean X? There are X, Y`."""
    return f"{did_you_mean(word, known)} There are {', '.join(known) or 'none'}".strip()
