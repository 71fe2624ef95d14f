"""Data sets by name: one adapter a format, all giving the same list of Examples.

`load("scenes:count=4000", "train")`. A format is a function `(split, **options) -> list[Example]` and a line of DATA.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from captioner.data.files import folder, jsonl
from captioner.data.flickr8k import flickr8k
from captioner.data.scenes import scenes
from metric.example import Example
from metric.names import find
from metric.spec import split_spec

DATA: dict[str, Callable[..., list[Example]]] = {
    "scenes": scenes,
    "flickr8k": flickr8k,
    "folder": folder,
    "jsonl": jsonl,
}


def load(spec: str, split: str) -> list[Example]:
    """The examples of a split; a ValueError names what was misspelt or is not there."""
    if spec and spec not in DATA and Path(spec).is_dir():
        raise ValueError(f"{spec} is a folder; type folder:root={spec}, or flickr8k:root={spec} if it is that data set")
    typed, options = split_spec(spec)
    name = find(typed, DATA, "data set")
    return DATA[name](split, **values(name, options))


def values(name: str, options: dict[str, str]) -> dict[str, Any]:
    """The options of a spec as the adapter's arguments."""
    hints = get_type_hints(DATA[name])
    parameters = [each for each in inspect.signature(DATA[name]).parameters.values() if each.name != "split"]
    known = [parameter.name for parameter in parameters]
    found = {}
    for typed, text in options.items():
        option = find(typed, known, f"option of {name}")
        found[option] = number(f"{name}:{option}", text) if hints[option] is int else text
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in found:
            raise ValueError(f"{name} needs {parameter.name}; type {name}:{parameter.name}=...")
    return found


def number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{what} is a whole number from 0, got {text!r}")
    return int(text)


def clean(caption: str) -> str:
    """A caption as it is learned: lower-case, single spaces, no final stop."""
    words = caption.lower().replace(" ,", ",").split()
    return " ".join(words).rstrip(" .")
