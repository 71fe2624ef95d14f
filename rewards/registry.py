"""The plug point: rewards by name, here or in other packages' entry points, imported only when asked for.

In a package of your own, `setup.cfg` names the reward and where it is:

    [options.entry_points]
    captioner.rewards =
        brevity = my_package.rewards

and the module registers it:

    @register("brevity")
    def brevity(context, target: int = 10):
        "Minus the words above the target."
        return lambda examples, captions: torch.tensor([[...] for texts in captions])  # b k
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from metric.names import plain
from rewards import plugins
from rewards.context import Context
from rewards.spec import RewardSpec

if TYPE_CHECKING:
    from rewards.mix import Mix, Reward

BUILT_IN = {
    "cider": "rewards.cider",
    "clips": "rewards.similarity",
    "refclips": "rewards.similarity",
    "pacspp": "rewards.similarity",
    "refpacspp": "rewards.similarity",
    "truth": "rewards.scenes",
}
NEEDS = ("images", "references", "scenes")  # what a reward may ask of an example
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": lambda value: BOOLEANS[value.lower()],
}
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True)
class Option:
    """A keyword of a factory. `type` is int, float, str or bool, as a word."""

    name: str
    type: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.type} = {self.default!r}"


@dataclass(frozen=True)
class Entry:
    """A registered reward."""

    name: str
    factory: Callable[..., Reward]
    needs: tuple[str, ...]
    options: tuple[Option, ...]

    @property
    def summary(self) -> str:
        """The first line of the factory's docstring."""
        return (inspect.getdoc(self.factory) or "").partition("\n")[0]


@dataclass(frozen=True)
class Row:
    """A line of `captioner rewards`."""

    name: str
    options: tuple[Option, ...]
    needs: tuple[str, ...]
    summary: str


ENTRIES: dict[str, Entry] = {}


def register(name: str, needs: tuple[str, ...] = ()) -> Callable[[Factory], Factory]:
    """Makes a function or class `factory(context, option: int = 1, ...) -> reward` known as `name`.

    The reward is called with `b` examples and `b` lists of `k` captions and returns a finite float32 tensor
    `b k`, higher is better. `needs` says what an example must have: images, references, scenes.
    """
    key = plain(name)

    def add(factory: Factory) -> Factory:
        unknown = [need for need in needs if need not in NEEDS]
        if unknown:
            raise ValueError(f"reward {name} needs {unknown[0]!r}; what can be needed is {', '.join(NEEDS)}")
        refuse_duplicate(key, factory)
        ENTRIES[key] = Entry(key, factory, tuple(needs), options_of(name, factory))
        return factory

    return add


def refuse_duplicate(key: str, factory: Callable[..., Any]) -> None:
    """A name has one owner; the same function may come again, as when a notebook cell is run twice."""
    here = f"{factory.__module__}.{factory.__qualname__}"
    if key in ENTRIES:
        owner = ENTRIES[key].factory
        taken = f"{owner.__module__}.{owner.__qualname__}"
    else:
        taken = BUILT_IN.get(key, "")
    if taken and taken not in (here, factory.__module__):
        raise ValueError(f"reward {key} of {here} is already registered by {taken}: choose another name")


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


def find(name: str) -> Entry:
    """The reward of that name, imported now if it was not. Raises ValueError."""
    key = plain(name)
    if key not in ENTRIES and key in BUILT_IN:
        import_module(BUILT_IN[key])
    elif key not in ENTRIES:
        import_plugin(name, key)
    return ENTRIES[key]


def import_plugin(name: str, key: str) -> None:
    elsewhere = plugins.announced(BUILT_IN)
    if key not in elsewhere:
        raise ValueError(f"unknown reward {name}{suggestion(key, names(elsewhere))}")
    point = elsewhere[key]
    plugins.load(key, point)
    if key not in ENTRIES:
        raise ValueError(
            f"reward {key}: package {plugins.package(point)} announces it, but {point.value} does not "
            f'register it: write @register("{point.name}") there'
        )


def names(elsewhere: Iterable[str]) -> list[str]:
    """Every name there is: ours, those of other packages, those registered by the run's own script."""
    return list(dict.fromkeys([*BUILT_IN, *elsewhere, *ENTRIES]))


def suggestion(word: str, known: Sequence[str]) -> str:
    """`: did you mean X? There are X, Y`."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    guess = f": did you mean {close[0]}?" if close else "."
    return f"{guess} There are {', '.join(known)}" if known else f"{guess} There are none"


def read_options(entry: Entry, spec: RewardSpec) -> dict[str, Any]:
    """The spec's options in the types that the factory declares. Raises ValueError."""
    known = {option.name: option for option in entry.options}
    values = {}
    for name, text in spec.options:
        if name not in known:
            raise ValueError(f"reward {entry.name} has no option {name}{suggestion(name, [*known, 'weight'])}")
        try:
            values[name] = READERS[known[name].type](text)
        except (ValueError, KeyError):
            raise ValueError(
                f"reward {entry.name}: {name} must be {known[name].type}, got {text!r}; "
                f"for example {entry.name}:{name}={known[name].default}"
            ) from None
    return values


def listing() -> list[Row]:
    """Every reward with its options; a plug-in that cannot be imported is listed with the reason."""
    rows = []
    for name in names(plugins.announced(BUILT_IN)):
        try:
            entry = find(name)
            rows.append(Row(name, entry.options, entry.needs, entry.summary))
        except ValueError as error:
            rows.append(Row(name, (), (), str(error)))
    return rows


def build(specs: Sequence[RewardSpec], context: Context) -> Mix:
    """The rewards of a run, as one. Every name, option and need is checked before anything is loaded."""
    from rewards.mix import Mix, Term, check_needs

    if not specs:
        raise ValueError("no reward was given; for example --reward cider")
    entries = [find(spec.name) for spec in specs]
    makers = [partial(entry.factory, context, **read_options(entry, spec)) for entry, spec in zip(entries, specs)]
    for entry in entries:
        check_needs(entry.name, entry.needs, context.examples)
    keys = distinct([entry.name for entry in entries])
    terms = [Term(key, spec, entry.needs, make()) for key, spec, entry, make in zip(keys, specs, entries, makers)]
    return Mix(terms)


def distinct(keys: Sequence[str]) -> list[str]:
    """`[pacspp, pacspp]` -> `[pacspp, pacspp#2]`."""
    counts = [keys[: i + 1].count(key) for i, key in enumerate(keys)]
    return [key if count == 1 else f"{key}#{count}" for key, count in zip(keys, counts)]
