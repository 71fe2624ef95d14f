"""Names of columns for people: of specs that differ in one option, that option is enough."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

from metric.spec import quoted, split_spec

REWARD = "reward:"  # a reward that has the name of a score


def short_names(names: Collection[str]) -> dict[str, str]:
    """Name -> a text that tells it from the other names: a spec keeps the options in which specs of one name differ.

    >>> list(short_names(["pac_spp:checkpoint=runs/a,w=2", "pac_spp:checkpoint=runs/b,w=2"]).values())
    ['pac_spp:checkpoint=a', 'pac_spp:checkpoint=b']
    """
    specs = {name: head_and_options(name) for name in names}
    short = {
        name: told(head, options, [specs[other][1] for other in specs if specs[other][0] == head])
        for name, (head, options) in specs.items()
    }
    return short if len(set(short.values())) == len(short) else {name: name for name in names}


def head_and_options(name: str) -> tuple[str, dict[str, str]]:
    prefix = REWARD if name.startswith(REWARD) else ""
    head, options = split_spec(name.removeprefix(prefix))
    return prefix + head, options


def told(head: str, options: dict[str, str], alike: list[dict[str, str]]) -> str:
    """The head with its options that other specs of the head have otherwise, all options where there is no other."""
    kept = {}
    for option, value in options.items():
        values = {other.get(option, "") for other in alike}
        if len(values) > 1 or len(alike) == 1:
            kept[option] = ends(values)[value]
    return f"{head}:{','.join(f'{option}={quoted(value)}' for option, value in kept.items())}" if kept else head


def ends(values: set[str]) -> dict[str, str]:
    """Value -> the last parts of a path, as few as tell it from the other values."""
    paths = {value: PurePath(value).parts for value in values}
    for parts in range(1, max(map(len, paths.values())) + 1):
        short = {value: "/".join(path[-parts:]) for value, path in paths.items()}
        if len(set(short.values())) == len(values):
            return short
    return {value: value for value in values}
