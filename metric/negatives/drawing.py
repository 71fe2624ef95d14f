"""The kinds of negatives by name, and their drawing: a function of the captions of a batch and of a generator.

Nothing iterates over a set, so every process draws the same, whatever its hash seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metric.negatives import content, form, small_words
from metric.negatives.pool import Caption, Pool
from metric.negatives.words import dressed, plainly, reading, split
from metric.spec import find

Rule = Callable[[Caption, Pool, random.Random], list[str] | None]
GROUPS = ("form", "content", "all")  # "found" is a group of its own, which a file brings
TRIES = 12  # draws of a kind for one negative, before the caption has none


@dataclass(frozen=True)
class Kind:
    """A rule, its group, and how often it is drawn beside others of weight 1."""

    rule: Rule
    group: str
    weight: float = 1


def of_captioner(caption: Caption, pool: Pool, rng: random.Random) -> list[str] | None:
    """One of the captions that pressed captioners were found to say of this picture."""
    return split(rng.choice(caption.found)) if caption.found else None


KINDS = {
    "repeat-word": Kind(form.repeat_word, "form"),
    "repeat-phrase": Kind(form.repeat_phrase, "form"),
    "drop": Kind(form.drop, "form"),
    "insert": Kind(form.insert, "form"),
    "swap": Kind(form.swap, "form"),
    "replace": Kind(form.replace, "form"),
    "cut": Kind(form.cut, "form"),
    "shuffle": Kind(form.shuffle, "form"),
    "inflect": Kind(form.inflect, "form", 3),
    "article": Kind(form.article, "form", 4),
    "no-articles": Kind(form.no_articles, "form"),
    "long-words": Kind(form.long_words, "form"),
    "short-word": Kind(form.short_word, "form"),
    "ending": Kind(form.ending, "form"),
    "misuse": Kind(small_words.misuse, "form", 12),
    "omit": Kind(small_words.omit, "form", 3),
    "intrude": Kind(small_words.intrude, "form", 3),
    "thing": Kind(content.thing, "content", 3),
    "attribute": Kind(content.attribute, "content", 2),
    "number": Kind(content.number, "content", 2),
    "relation": Kind(content.relation, "content", 3),
    "place": Kind(content.place, "content", 3),
    "sides": Kind(content.sides, "content", 3),
    "binding": Kind(content.binding, "content", 2),
    "found": Kind(of_captioner, "found", 8),
}


def kinds_of(names: str, found: bool = False) -> dict[str, Kind]:
    """The kinds of `form`, `content`, `all`, or of names with commas between them, in the order of KINDS.

    `repeat-word=8` names a kind with its weight in the drawing, and the weight 0 leaves it out: `all,insert=0`. With
    `found`, what captioners were found to say is a kind beside them.

    Raises ValueError for an unknown name, with the nearest one, for a wrong weight, and for no kind.
    """
    typed = [name.strip() for name in names.split(",") if name.strip()]
    if not typed:
        raise ValueError(f"--negative-kinds is {', '.join(GROUPS)} or kinds with commas between them, got {names!r}")
    rules = {name: kind for name, kind in KINDS.items() if kind.group != "found"}
    weights = dict(weighted(name, rules) for name in typed)
    chosen = {name: kind for name, kind in rules.items() if weights.keys() & {name, kind.group, "all"}}
    chosen = {name: replace(kind, weight=weights.get(name) or kind.weight) for name, kind in chosen.items()}
    chosen = {name: kind for name, kind in chosen.items() if weights.get(name) != 0}
    if not chosen:
        raise ValueError(f"--negative-kinds {names} leaves no kind; type a kind without =0, or all")
    return {**chosen, "found": KINDS["found"]} if found else chosen


def weighted(typed: str, rules: Iterable[str]) -> tuple[str, float | None]:
    """`repeat-word=8` -> ("repeat-word", 8.0), and `form` -> ("form", None). Raises ValueError for another text."""
    name, given, weight = typed.partition("=")
    found = find(name.strip(), (*rules, *GROUPS), "kind of negative")
    if not given:
        return found, None
    if found in GROUPS:
        raise ValueError(f"--negative-kinds: a weight belongs to one kind, got {typed!r} of a group; type swap=2")
    if not re.fullmatch(r"\d+(\.\d+)?", weight.strip()):
        raise ValueError(f"--negative-kinds: a weight is a number of 0 or more, got {typed!r}; type {found}=2")
    return found, float(weight)


def draw(
    captions: Sequence[Caption], kinds: Mapping[str, Kind], n: int, rng: random.Random
) -> list[list[tuple[str, str]]]:
    """Up to n different negatives of each caption: b captions -> b lists of (name of the kind, text).

    A negative has other words than each reference of its picture: another comma alone makes none. A caption of one
    word has none: its form cannot be wrong.
    """
    pool = Pool(captions)
    return [negatives(caption, pool, kinds, n, rng) for caption in captions]


def negatives(
    caption: Caption, pool: Pool, kinds: Mapping[str, Kind], n: int, rng: random.Random
) -> list[tuple[str, str]]:
    """Up to n negatives of one caption. Another kind is drawn where a rule does not apply."""
    found: dict[str, str] = {}
    taken = {*caption.readings, ()}
    weights = [kind.weight for kind in kinds.values()]
    for _ in range(n * TRIES if len(caption.words) > 1 else 0):
        (name,) = rng.choices(list(kinds), weights)
        words = kinds[name].rule(caption, pool, rng)
        text = plainly(" ".join(words or ()))
        if (said := reading(text)) not in taken:
            taken.add(said)
            found[text] = name
        if len(found) == n:
            break
    return [(name, dressed(text.split(), caption.text)) for text, name in found.items()]
