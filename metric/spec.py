"""`name:option=value,...`: the one syntax of rewards, scores and data sets."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

ALIKE = 0.5  # least similarity, 0 to 1, of a misspelt name and the name that is suggested
SYNTAX = "write name or name:option=value,..., and a value with a comma in quotation marks, 'name:option=\"a,b\"'"
BRACES = r"\{[^{}=]*\}"  # as in a-{0,1}.tar
QUOTED = re.compile(rf"""=\s*(?:"[^"]*"|'[^']*')(?=\s*(?:,|$))|{BRACES}""")  # a value in marks, or braces
COMMA = "\0"  # stands for a comma within quotation marks


def refuse_one_spec(what: str, given: object) -> None:
    """Raises ValueError for one text in the place of several, whose letters would be taken for names."""
    if isinstance(given, str):
        raise ValueError(f"{what} are a list, got the text {given!r}; put it into a list, [{given!r}]")


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """`name:option=value,...` -> name and options. Raises ValueError for other text.

    A value with a comma stands in quotation marks. `~` at the beginning of a value is the home folder.

    >>> split_spec("pacspp:checkpoint=runs/metric,w=2.5")
    ('pacspp', {'checkpoint': 'runs/metric', 'w': '2.5'})
    >>> split_spec('csv:file="a, b.csv"')
    ('csv', {'file': 'a, b.csv'})
    """
    name, _, rest = text.partition(":")
    options: dict[str, str] = {}
    for item in items(rest) if rest.strip() else []:
        option, equals, value = (part.strip() for part in item.partition("="))
        if not (option and equals):
            raise ValueError(f"{text}: got {item!r} where option=value was expected; {SYNTAX}")
        if option in options:
            raise ValueError(f"{text}: option {option} is given twice")
        options[option] = os.path.expanduser(unquoted(value))  # no shell expands ~ within a word
    return name.strip(), options


def items(text: str) -> list[str]:
    """The parts of a text between the commas that stand outside of quoted values and of braces."""
    return [item.replace(COMMA, ",") for item in QUOTED.sub(lambda m: m[0].replace(",", COMMA), text).split(",")]


def unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def quoted(value: str) -> str:
    """A value as `split_spec` reads it: in quotation marks if it has a comma, or marks or spaces at its ends."""
    if "," not in re.sub(BRACES, "", value) and value == unquoted(value).strip():
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'


def split_specs(text: str) -> list[str]:
    """`cider,pac_spp:checkpoint=DIR,w=2.5,length` -> `cider`, `pac_spp:checkpoint=DIR,w=2.5`, `length`.

    An item that has `=` before any `:` is an option of the item before it.

    >>> split_specs("cider,pac_spp:checkpoint=DIR,w=2.5,length")
    ['cider', 'pac_spp:checkpoint=DIR,w=2.5', 'length']
    """
    specs: list[str] = []
    for item in filter(None, map(str.strip, items(text))):
        if specs and re.match(r"[^:=]+=", item):
            specs[-1] += f",{item}"
        else:
            specs.append(item)
    return specs


def plain(name: str) -> str:
    """A name without case, `_`, `-` and spaces, with `p` for `+`: `PAC-S++` and `pac_spp` give `pacspp`."""
    return re.sub(r"[-_\s]", "", name.lower()).replace("+", "p")


def find(name: str, names: Iterable[str], kind: str) -> str:
    """The one of `names` that `name` spells in any way that `plain` accepts.

    Raises ValueError for another name. The message has the `kind` and the nearest of `names`, or all `names`.
    """
    spelt = {plain(option): option for option in names}
    if plain(name) in spelt:
        return spelt[plain(name)]
    raise ValueError(f"no {kind} is called {name!r}; {nearest_or_all(name, spelt.values())}")


def nearest_or_all(name: str, names: Collection[str]) -> str:
    """`did you mean X?` with the one of `names` that is spelt like `name`, else `there are X, Y`."""
    return did_you_mean(name, names) or f"there are {', '.join(names)}"


def did_you_mean(name: str, names: Iterable[str], most: int = 1) -> str:
    """`did you mean X or Y?` with at most `most` of the `names` that are spelt like `name`. "" for none."""
    spelt = {plain(option): option for option in names}
    close = get_close_matches(plain(name), spelt, n=most, cutoff=ALIKE)
    return f"did you mean {' or '.join(spelt[option] for option in close)}?" if close else ""
