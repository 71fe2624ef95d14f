"""The scores that exist: their names, families, what they need, and how they are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Score:
    family: str
    needs: tuple[str, ...]
    """Of references, clip, pac, checker, scenes: all that must be there. The first says what computes it."""
    printed: str


SCORES = {
    **{f"bleu_{n}": Score("classic", ("references",), f"BLEU-{n}") for n in range(1, 5)},
    "rouge_l": Score("classic", ("references",), "ROUGE-L"),
    "cider": Score("classic", ("references",), "CIDEr"),
    "clip_s": Score("clip", ("clip",), "CLIP-S"),
    "ref_clip_s": Score("clip", ("clip", "references"), "RefCLIP-S"),
    "pac_spp": Score("clip", ("pac",), "PAC-S++"),
    "ref_pac_spp": Score("clip", ("pac", "references"), "RefPAC-S++"),
    **{f"rep_{n}": Score("text", (), f"Rep-{n}") for n in range(1, 5)},
    **{f"rep_{n}_rate": Score("text", (), f"Rep-{n} rate") for n in range(1, 5)},
    "incorrect": Score("text", ("checker",), "Incorrect %"),
    "bad_endings": Score("text", (), "Bad endings %"),
    "length": Score("text", (), "Length"),
    "vocabulary": Score("text", (), "Vocabulary"),
    "scene_truth": Score("scene", ("scenes",), "Scene truth %"),
    "scene_recall": Score("scene", ("scenes",), "Scene recall %"),
    "scene_grammatical": Score("scene", ("scenes",), "Scene grammatical %"),
}
FAMILIES = ("classic", "text", "clip", "scene")


def plain(name: str) -> str:
    """`PAC-S++`, `pac_spp` and `pacspp` are all `pacspp`: case, `_`, `-` and spaces go, `+` reads as `p`."""
    return re.sub(r"[-_\s]", "", name.lower()).replace("+", "p")


def canonical(name: str) -> str:
    """The name in score files: `PAC-S++` -> `pac_spp`."""
    return find(name, SCORES, "score")


def expand_names(names: Iterable[str]) -> list[str]:
    """Scores and families (`classic text clip scene all`) to scores, each once, in the order of the table."""
    wanted: set[str] = set()
    for name in names:
        known = find(name, (*SCORES, *FAMILIES, "all"), "score")
        wanted |= {known} if known in SCORES else members(known)
    return [name for name in SCORES if name in wanted]


def members(family: str) -> set[str]:
    return {name for name, score in SCORES.items() if family in (score.family, "all")}


def find(name: str, known: Iterable[str], kind: str) -> str:
    """The one of `known` that `name` spells, or a ValueError that says which it may have meant."""
    spelt = {plain(each): each for each in known}
    if plain(name) in spelt:
        return spelt[plain(name)]
    raise ValueError(f"no {kind} is called {name!r}; {suggestion(plain(name), spelt)}")


def suggestion(name: str, spelt: dict[str, str]) -> str:
    close: Sequence[str] = get_close_matches(name, spelt, n=1)
    return f"did you mean {spelt[close[0]]}?" if close else f"there are {', '.join(spelt.values())}"
