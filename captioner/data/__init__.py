"""Data sets by name: one adapter a format, all giving the same list of Examples.

`load("scenes:count=4000", "train")`. A new format is a function `(split, **options) -> list[Example]` and a line in DATA.
"""

from __future__ import annotations

import difflib
import inspect
from typing import get_type_hints

from captioner.data.files import folder, jsonl
from captioner.data.flickr8k import flickr8k
from captioner.data.scenes import scenes
from metric.example import Example
from rewards.spec import split_spec

DATA = {"scenes": scenes, "flickr8k": flickr8k, "folder": folder, "jsonl": jsonl}


def load(spec: str, split: str) -> list[Example]:
    """The examples of a split; a ValueError names what was misspelt or is not there."""
    name, options = split_spec(spec)
    if name not in DATA:
        raise ValueError(f"no data format {name!r}{did_you_mean(name, DATA)}; there are {', '.join(DATA)}")
    adapter = DATA[name]
    hints = get_type_hints(adapter)
    known = [option for option in inspect.signature(adapter).parameters if option != "split"]
    values = {}
    for option, text in options.items():
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}{did_you_mean(option, known)}; it has {', '.join(known)}")
        try:
            values[option] = hints[option](text)
        except ValueError:
            raise ValueError(f"{name}:{option} is a {hints[option].__name__}, got {text!r}") from None
    missing = [
        option
        for option, parameter in inspect.signature(adapter).parameters.items()
        if parameter.default is parameter.empty and option not in (*values, "split")
    ]
    if missing:
        raise ValueError(f"{name} needs {missing[0]}: type --data {name}:{missing[0]}=...")
    return adapter(split, **values)


def did_you_mean(name: str, known) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def clean(caption: str) -> str:
    """A caption as it is learned: lower-case, single spaces, no final stop."""
    words = caption.lower().replace(" ,", ",").split()
    return " ".join(words).rstrip(" .")
