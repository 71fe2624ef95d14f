"""Scores of a set of captions: `evaluate(captions, examples, names)`.

What cannot be computed is in `Scores.skipped` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from metric.example import Example
from metric.scores.catalogue import SCORES, request
from metric.scores.clip_families import embedder_of, open_clip_s, open_pac_s, open_pac_spp, open_pac_spp_hard
from metric.scores.external_families import open_meteor, open_objects, open_spice, open_training
from metric.scores.family import Family, Given, Options, Part, Unavailable, together
from metric.scores.grammar import ENGINES, available_checker, grammar_checker
from metric.scores.result import Scores
from metric.scores.text_families import classic, grammar, plain, scene, text
from metric.spec import find

if TYPE_CHECKING:
    from metric.clip.embedder import Embedder


def evaluate(
    captions: Mapping[str, str],
    examples: Sequence[Example],
    names: Sequence[str],
    clip: Embedder | None = None,
    pac: Embedder | None = None,
    checker: str = "auto",
    device: str = "cpu",
) -> Scores:
    """Scores captions of pictures.

    Args:
        captions: example's id -> caption. Examples without a caption are left aside, and `Scores.facts` says how many.
        examples: pictures with references. Scores that need no reference work without.
        names: scores and families, such as `cider`, `text` or `pac_spp:checkpoint=DIR`.
        clip: the CLIP of CLIP-S. A spec such as `clip_s:clip=DIR` names another.
        pac: the tuned CLIP of PAC-S++, or of PAC-S++ hard where it was trained with negatives. A spec such as
            `pac_spp:checkpoint=DIR` names another.
        checker: grammar checker: languagetool, harper, none, or auto (the best that is installed).
        device: where models run that a spec names.

    Returns:
        The scores of the set (`.corpus`) and of each caption (`.per_caption`). A score that could not be computed is
        in `.skipped` with the reason.

    Raises:
        ValueError: a name or an option is unknown, or a caption has an id that no example has.
    """
    asked = request(names)
    chosen = [example for example in examples if example.id in captions]
    check_ids(captions, examples, chosen)
    lacking = missing(chosen)
    skipped = {name: reason for name in asked.names if (reason := why_not(name, lacking))}
    possible = [name for name in asked.names if name not in skipped]
    families, unavailable = open_sources(possible, asked.options, Given(clip, pac, checker, device))
    skipped |= unavailable
    parts, unavailable = measure(families, possible, [captions[example.id] for example in chosen], chosen)
    skipped |= unavailable
    computed = [name for name in asked.names if name not in skipped]
    whole = together(parts)
    ids = [example.id for example in chosen]
    return Scores(
        {name: whole.corpus[name] for name in computed},
        {name: dict(zip(ids, whole.per_caption[name])) for name in computed if name in whole.per_caption},
        {name: skipped[name] for name in asked.names if name in skipped},
        len(chosen),
        facts(computed, whole.facts, [captions[example.id] for example in chosen], len(examples)),
        {name: whole.pooled[name] for name in computed if name in whole.pooled},
    )


def evaluate_each(
    captions: Sequence[str], examples: Sequence[Example], names: Sequence[str], clip: str, device: str
) -> Scores:
    """Scores of one caption an example, for metrics that are judged caption by caption.

    `clip` is the name of the CLIP of scores that name none. Raises ValueError when a score cannot be computed, or is
    one of a whole set of captions only.
    """
    looks = any(SCORES[name].source == "clip" for name in request(names).names)
    embedder = embedder_of(clip, device) if looks else None
    by_id = {example.id: caption for example, caption in zip(examples, captions)}
    scores = evaluate(by_id, examples, names, clip=embedder, device=device)
    for name, reason in scores.skipped.items():
        raise ValueError(f"{name} cannot be computed: {reason}")
    for name in scores.corpus.keys() - scores.per_caption.keys():
        raise ValueError(f"{name} is a score of a whole set of captions, not of each")
    return scores


def open_sources(
    names: Sequence[str], options: Mapping[str, Options], given: Given
) -> tuple[dict[str, Family], dict[str, str]]:
    """Source -> family that computes the scores `names`, and score -> reason for those that cannot be computed.

    Models and servers are opened here, once. Raises ValueError for an option that cannot be met, which makes this call
    useful before captions are made.
    """
    families: dict[str, Family] = {}
    skipped: dict[str, str] = {}
    for source in dict.fromkeys(SCORES[name].source for name in names):
        try:
            families[source] = SOURCES[source](options.get(source, {}), given)
        except Unavailable as reason:
            skipped |= of_source(source, names, reason)
    return families, skipped


def measure(
    families: Mapping[str, Family], names: Sequence[str], captions: list[str], examples: list[Example]
) -> tuple[list[Part], dict[str, str]]:
    """The parts of all families, and score -> reason for scores that cannot be computed from these examples."""
    parts: list[Part] = []
    skipped: dict[str, str] = {}
    for source, family in families.items():
        try:
            parts.append(family(captions, examples))
        except Unavailable as reason:
            skipped |= of_source(source, names, reason)
    return parts, skipped


def of_source(source: str, names: Sequence[str], reason: Unavailable) -> dict[str, str]:
    """Score -> reason, for those of `names` that the source computes."""
    return {name: str(reason) for name in names if SCORES[name].source == source}


def check_ids(captions: Mapping[str, str], examples: Sequence[Example], chosen: Sequence[Example]) -> None:
    """Raises ValueError unless every caption has an example of its own and there is at least one."""
    if not captions or not examples:
        raise ValueError(f"nothing to score: {len(captions)} captions, {len(examples)} examples")
    strange = captions.keys() - {example.id for example in examples}
    if strange:
        raise ValueError(
            f"{len(strange)} of {len(captions)} captions have an id that no example has, such as "
            f"{min(strange)!r}; the examples' ids look like {examples[0].id!r}"
        )
    if len(captions) < len(chosen):
        raise ValueError(f"{len(chosen) - len(captions)} examples have an id that another has too")


def missing(examples: Sequence[Example]) -> dict[str, str]:
    """Need (`Score.needs`) that some of the examples do not meet -> message for the user."""
    from metric.scenes.world import Scene

    bare = sum(not example.references for example in examples)
    other = sum(not isinstance(example.image, Scene) for example in examples)
    reasons = {
        "references": bare and f"{bare} of {len(examples)} captioned images have no references",
        "scenes": other and f"{other} of {len(examples)} images are not drawn scenes, whose truth is known",
    }
    return {need: reason for need, reason in reasons.items() if reason}


def why_not(name: str, lacking: Mapping[str, str]) -> str:
    """The reason why a score cannot be computed, "" when it can."""
    return "; ".join(lacking[need] for need in SCORES[name].needs if need in lacking)


def facts(names: Sequence[str], of_families: Mapping[str, str], captions: Sequence[str], asked: int) -> dict[str, str]:
    """Facts to print beside the numbers: of captions, of scores. A fact of a score holds for its reference version."""
    without = asked - len(captions)
    empty = sum(not caption.strip() for caption in captions)
    of_captions = {
        "uncaptioned": without and f"{without} of {asked} examples have no caption and are left aside",
        "empty": empty and f"{empty} of {len(captions)} captions are empty, and scored as such",
    }
    of_scores = {name: fact for name, fact in of_families.items() if name in names or f"ref_{name}" in names}
    return {name: fact for name, fact in of_captions.items() if fact} | of_scores


def open_grammar(options: Options, given: Given) -> Family:
    """The grammar family. Raises ValueError when a checker that was named cannot run.

    `auto` takes the best checker that runs here and notes which one it stands in for. Without any, and for `none`, the
    score is Unavailable.
    """
    name = find(options.get("checker", given.checker), (*ENGINES, "auto", "none"), "grammar checker")
    cache = options.get("cache", "")
    if name == "none":
        raise Unavailable("no grammar checker was asked for")
    if name != "auto":
        return partial(grammar, grammar_checker(name, cache), "")
    try:
        checker, note = available_checker(cache)
    except ValueError as reason:
        raise Unavailable(str(reason)) from None
    return partial(grammar, checker, note)


def ready(family: Family) -> Callable[[Options, Given], Family]:
    """The opener of a family that needs nothing but captions and examples."""

    def opener(options: Options, given: Given) -> Family:
        return family

    return opener


# Source (`Score.source`) -> function from its options, and from what `evaluate` was given, to a family of scores.
SOURCES: dict[str, Callable[[Options, Given], Family]] = {
    "text": ready(text),
    "classic": ready(classic),
    "plain": ready(plain),
    "scene": ready(scene),
    "clip": open_clip_s,
    "pac_s": open_pac_s,
    "pac": open_pac_spp,
    "pac_hard": open_pac_spp_hard,
    "checker": open_grammar,
    "meteor": open_meteor,
    "spice": open_spice,
    "objects": open_objects,
    "training": open_training,
}
