"""All scores: their names, families, needs, options, and titles in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metric.spec import find, refuse_one_spec, split_spec


@dataclass(frozen=True)
class Score:
    """A score: its family, the source that computes it, its name in tables, and what the examples must have."""

    family: str
    source: str
    """key of `metric.evaluation.SOURCES`; scores of one source are computed together and share options"""
    printed: str
    needs: tuple[str, ...] = ()
    """`references`, `scenes` or nothing"""


SCORES = {
    **{f"bleu_{n}": Score("classic", "classic", f"BLEU-{n}", ("references",)) for n in range(1, 5)},
    "rouge_l": Score("classic", "classic", "ROUGE-L", ("references",)),
    "cider": Score("classic", "classic", "CIDEr", ("references",)),
    "cider_plain": Score("plain", "plain", "CIDEr plain", ("references",)),
    "meteor": Score("java", "meteor", "METEOR", ("references",)),
    "spice": Score("java", "spice", "SPICE", ("references",)),
    "clip_s": Score("clip", "clip", "CLIP-S"),
    "ref_clip_s": Score("clip", "clip", "RefCLIP-S", ("references",)),
    "pac_s": Score("clip", "pac_s", "PAC-S"),
    "ref_pac_s": Score("clip", "pac_s", "RefPAC-S", ("references",)),
    "pac_spp": Score("clip", "pac", "PAC-S++"),
    "ref_pac_spp": Score("clip", "pac", "RefPAC-S++", ("references",)),
    "pac_spp_hard": Score("clip", "pac_hard", "PAC-S++ hard"),
    "ref_pac_spp_hard": Score("clip", "pac_hard", "RefPAC-S++ hard", ("references",)),
    **{f"rep_{n}": Score("text", "text", f"Rep-{n}") for n in range(1, 5)},
    **{f"rep_{n}_rate": Score("text", "text", f"Rep-{n} rate") for n in range(1, 5)},
    "incorrect": Score("text", "checker", "Incorrect %"),
    "bad_endings": Score("text", "text", "Bad endings %"),
    "length": Score("text", "text", "Length"),
    "vocabulary": Score("text", "text", "Vocabulary"),
    "unique": Score("text", "text", "Unique %"),
    "distinct_1": Score("text", "text", "Distinct-1"),
    "distinct_2": Score("text", "text", "Distinct-2"),
    "novelty": Score("data", "training", "Novelty %"),
    "chair_i": Score("data", "objects", "CHAIR-i %"),
    "chair_s": Score("data", "objects", "CHAIR-s %"),
    "scene_truth": Score("scene", "scene", "Scene truth %", ("scenes",)),
    "scene_recall": Score("scene", "scene", "Scene recall %", ("scenes",)),
    "scene_grammatical": Score("scene", "scene", "Scene grammatical %", ("scenes",)),
    "scene_chair_i": Score("scene", "scene", "Scene CHAIR-i %", ("scenes",)),
    "scene_chair_s": Score("scene", "scene", "Scene CHAIR-s %", ("scenes",)),
}
LOWER_IS_BETTER = ("rep_", "incorrect", "bad_endings", "chair_", "scene_chair_")  # how their names begin
NEITHER = ("length", "vocabulary")
FAMILIES = ("classic", "plain", "java", "text", "clip", "data", "scene")
# Source -> the options of all scores that it computes.
OPTIONS = {
    "clip": ("clip", "precision", "long"),
    "pac_s": ("checkpoint", "w", "scale", "precision", "long"),
    "pac": ("checkpoint", "w", "scale", "precision", "long"),
    "pac_hard": ("checkpoint", "w", "scale", "precision", "long"),
    "checker": ("checker", "cache", "language"),
    "spice": ("corenlp", "cache"),
    "objects": ("instances",),
    "training": ("training",),
}


@dataclass(frozen=True)
class Request:
    """The scores to compute, and the options of their sources."""

    names: tuple[str, ...]
    """each once, in the order of SCORES"""
    options: Mapping[str, Mapping[str, str]]
    """source -> option -> value"""


def canonical(name: str) -> str:
    """The name in score files: `PAC-S++` -> `pac_spp`."""
    return find(name, SCORES, "score")


def direction(name: str) -> int:
    """1 for a score of which higher is better, -1 where lower is better, 0 where neither is."""
    return 0 if name in NEITHER else -1 if name.startswith(LOWER_IS_BETTER) else 1


def request(specs: Iterable[str]) -> Request:
    """The request of specs of scores and families, such as `cider`, `text` or `pac_spp:checkpoint=DIR`.

    An option holds for all scores of its source: `ref_pac_spp` has the checkpoint of `pac_spp`. Raises ValueError for
    an unknown name or option, and for an option with two values.
    """
    refuse_one_spec("scores", specs)
    names: set[str] = set()
    options: dict[str, dict[str, str]] = {}
    for spec in specs:
        typed, typed_options = split_spec(spec)
        group = find(typed, (*SCORES, *FAMILIES, "all"), "score")
        names |= members(group)
        for option, value in typed_options.items():
            source, option = owner(group, option)
            if options.setdefault(source, {}).setdefault(option, value) != value:
                raise ValueError(f"{spec}: {option} is {options[source][option]} already; give one value")
    return Request(tuple(name for name in SCORES if name in names), options)


def owner(name: str, typed: str) -> tuple[str, str]:
    """The source that an option of a score or family belongs to, and the option's name."""
    sources = sorted({SCORES[member].source for member in members(name)})
    options = sorted({option for source in sources for option in OPTIONS.get(source, ())})
    if not options:
        raise ValueError(f"{name} takes no options, got {typed}")
    option = find(typed, options, f"option of {name}")
    owners = [source for source in sources if option in OPTIONS.get(source, ())]
    if len(owners) > 1:
        specs = " or ".join(f"{first_of(source)}:{option}=..." for source in owners)
        raise ValueError(f"{name} has scores that each take their own {option}; type {specs}")
    return owners[0], option


def first_of(source: str) -> str:
    """The first score of a source."""
    return next(name for name, score in SCORES.items() if score.source == source)


def expand_names(specs: Iterable[str]) -> list[str]:
    """The scores of specs of scores and families, each once, in the order of SCORES."""
    return list(request(specs).names)


def members(group: str) -> set[str]:
    """The scores of a family, or the score itself."""
    return {name for name, score in SCORES.items() if group in (name, score.family, "all")}
