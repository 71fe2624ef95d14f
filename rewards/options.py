"""The options of a reward: the keywords of the factory of the reward, and the values that a user types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metric.spec import did_you_mean

OF_ALL = ("weight", "window")  # options that every reward has, so that no factory may
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": lambda value: BOOLEANS[value.lower()],
}


@dataclass(frozen=True)
class Option:
    """A keyword of a factory. `type` is the word int, float, str or bool."""

    name: str
    type: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.type} = {self.default!r}"


def options_of(name: str, factory: Callable[..., Any]) -> tuple[Option, ...]:
    """The keywords of a factory after `context`. Annotations may be strings. Raises ValueError for other signatures."""
    _, *parameters = inspect.signature(factory).parameters.values()
    options = []
    for parameter in parameters:
        annotation = parameter.annotation
        kind = annotation if isinstance(annotation, str) else annotation.__name__
        if kind not in READERS or parameter.default is parameter.empty or parameter.name in OF_ALL:
            raise ValueError(
                f"reward {name}: option {parameter} must be annotated {', '.join(READERS)}, have a default, "
                f"and not be called {' or '.join(OF_ALL)}"
            )
        options.append(Option(parameter.name, kind, parameter.default))
    return tuple(options)


def read_options(name: str, options: Sequence[Option], typed: Mapping[str, str]) -> dict[str, Any]:
    """All options of the reward `name`: the typed values in their declared types, and the defaults of the others.

    Raises ValueError for an unknown option and for a value of another type.
    """
    declared = {option.name: option for option in options}
    values = {option.name: option.default for option in options}
    for option, text in typed.items():
        if option not in declared:
            raise ValueError(f"reward {name} has no option {option}: {suggestion(option, [*declared, *OF_ALL])}")
        try:
            values[option] = READERS[declared[option].type](text)
        except (ValueError, KeyError):
            raise ValueError(
                f"reward {name}: {option} must be {declared[option].type}, got {text!r}; "
                f"for example {name}:{option}={declared[option].default}"
            ) from None
    return values


def suggestion(word: str, names: Sequence[str]) -> str:
    """The nearest of the names, then all names: `did you mean X? There are X, Y`."""
    return f"{did_you_mean(word, names)} There are {', '.join(names) or 'none'}".strip()
