"""`name:option=value,...`: the one syntax of rewards, scores and data sets."""

from __future__ import annotations

import re

SYNTAX = "write name or name:option=value,..."


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """`name:option=value,...` -> name and options. Raises ValueError."""
    name, _, rest = text.partition(":")
    options: dict[str, str] = {}
    for item in rest.split(",") if rest.strip() else []:
        option, equals, value = (part.strip() for part in item.partition("="))
        if not (option and equals):
            raise ValueError(f"{text}: got {item!r} where option=value was expected; {SYNTAX}")
        if option in options:
            raise ValueError(f"{text}: option {option} is given twice")
        options[option] = value
    return name.strip(), options


def split_specs(text: str) -> list[str]:
    """`cider,pac_spp:checkpoint=DIR,w=2.5,length` -> `cider`, `pac_spp:checkpoint=DIR,w=2.5`, `length`.

    An item goes on with the options of the one before it when its first sign is `=`, not `:`.
    """
    specs: list[str] = []
    for item in filter(None, map(str.strip, text.split(","))):
        if specs and re.match(r"[^:=]+=", item):
            specs[-1] += f",{item}"
        else:
            specs.append(item)
    return specs
