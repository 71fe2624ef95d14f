"""Scores of a set of captions: `evaluate(captions, examples, names)`.

`Scores.skipped` holds the scores that cannot be computed, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from metric.example import Example
from metric.language import language_fact
from metric.scores.catalogue import SCORES, Request, request
from metric.scores.clip_families import embedder_of, open_clip_s, open_pac_s, open_pac_spp, open_pac_spp_hard
from metric.scores.external_families import open_meteor, open_objects, open_spice, open_training
from metric.scores.family import Defaults, Family, Options, Part, Unavailable, together
from metric.scores.grammar import available_checker, grammar_checker, known_checker
from metric.scores.result import Scores
from metric.scores.text_families import classic, grammar, plain, scene, text

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
    precision: str = "",
) -> Scores:
    """Scores captions of pictures.

    Args:
        captions: example's id -> caption. `Scores.facts` counts the examples without a caption, which get no score.
        examples: pictures with references. Some scores work without references.
        names: scores and families, such as `cider`, `text` or `pac_spp:checkpoint=DIR`.
        clip: the CLIP of CLIP-S. A spec such as `clip_s:clip=DIR` names another.
        pac: the tuned CLIP of PAC-S++, or of PAC-S++ hard where it was trained with negatives. A spec such as
            `pac_spp:checkpoint=DIR` names another.
        checker: grammar checker: languagetool, harper, none, or auto (the best that is installed).
        device: device of the models that a spec names.
        precision: precision of all CLIPs: fp32, bf16 or fp16. A spec such as `clip_s:precision=fp16` names another. ""
            takes that of `clip` and `pac`, and fp32 for the CLIPs of specs.

    Returns:
        The scores of the set (`.corpus`) and of each caption (`.per_caption`). `.skipped` holds the reason of each
        score that cannot be computed.

    Raises:
        ValueError: a name or an option is unknown, or a caption has an id that no example has.
    """
    asked = request(names)
    if not isinstance(captions, Mapping):
        raise ValueError(f"captions are a dictionary, example's id -> caption, got a {type(captions).__name__}")
    chosen = [example for example in examples if example.id in captions]
    check_ids(captions, examples, chosen)
    unmet = unmet_needs(chosen)
    skipped = {name: reason for name in asked.names if (reason := why_not(name, unmet))}
    possible = [name for name in asked.names if name not in skipped]
    families, unavailable = open_sources(possible, asked.options, Defaults(clip, pac, checker, device, precision))
    skipped |= unavailable
    parts, unavailable = measure(families, possible, [captions[example.id] for example in chosen], chosen)
    skipped |= unavailable
    computed = [name for name in asked.names if name not in skipped]
    merged = together(parts)
    ids = [example.id for example in chosen]
    return Scores(
        {name: merged.corpus[name] for name in computed},
        {name: dict(zip(ids, merged.per_caption[name])) for name in computed if name in merged.per_caption},
        {name: skipped[name] for name in asked.names if name in skipped},
        len(chosen),
        facts(asked, computed, merged.facts, [captions[example.id] for example in chosen], len(examples)),
        {name: merged.pooled[name] for name in computed if name in merged.pooled},
    )


def evaluate_each(
    captions: Sequence[str],
    examples: Sequence[Example],
    names: Sequence[str],
    clip: str,
    device: str,
    precision: str = "fp32",
) -> Scores:
    """The scores of one caption of each example, for metrics that are judged caption by caption.

    `clip` names the CLIP of scores that name none. Raises ValueError for a score that cannot be computed, and for a
    score that only a set of captions has.
    """
    needs_clip = any(SCORES[name].source == "clip" for name in request(names).names)
    embedder = embedder_of(clip, device, precision=precision) if needs_clip else None
    by_id = {example.id: caption for example, caption in zip(examples, captions)}
    scores = evaluate(by_id, examples, names, clip=embedder, device=device, precision=precision)
    for name, reason in scores.skipped.items():
        raise ValueError(f"{name} cannot be computed: {reason}")
    for name in scores.corpus.keys() - scores.per_caption.keys():
        raise ValueError(f"{name} scores a set of captions, expected a score of each caption; leave {name} out")
    return scores


def open_sources(
    names: Sequence[str], options: Mapping[str, Options], defaults: Defaults
) -> tuple[dict[str, Family], dict[str, str]]:
    """Source -> family of the scores `names`, and score -> reason for the scores that cannot be computed.

    Each model and each server is opened once. Raises ValueError for an option that cannot be met. A caller may check
    the options in this way before captions are made.
    """
    families: dict[str, Family] = {}
    skipped: dict[str, str] = {}
    for source in dict.fromkeys(SCORES[name].source for name in names):
        try:
            families[source] = SOURCES[source](options.get(source, {}), defaults)
        except Unavailable as reason:
            skipped |= of_source(source, names, reason)
    return families, skipped


def refuse_nothing(specs: Sequence[str], examples: Sequence[Example], defaults: Defaults) -> None:
    """Raises ValueError when none of the scores can be computed, whatever the captions of the examples will be.

    Raises ValueError for an option that cannot be met, too.
    """
    asked, unmet = request(specs), unmet_needs(examples)
    skipped = {name: reason for name in asked.names if (reason := why_not(name, unmet))}
    _, unavailable = open_sources([name for name in asked.names if name not in skipped], asked.options, defaults)
    skipped |= unavailable
    if len(skipped) == len(asked.names):
        name, reason = next(iter(skipped.items()), (",".join(specs), "nothing was asked for"))
        raise ValueError(f"--scores {','.join(specs)}: no score can be computed; {name}: {reason}")


def measure(
    families: Mapping[str, Family], names: Sequence[str], captions: list[str], examples: list[Example]
) -> tuple[list[Part], dict[str, str]]:
    """The parts of all families, and score -> reason for the scores that these examples do not allow."""
    parts: list[Part] = []
    skipped: dict[str, str] = {}
    for source, family in families.items():
        try:
            parts.append(family(captions, examples))
        except Unavailable as reason:
            skipped |= of_source(source, names, reason)
    return parts, skipped


def of_source(source: str, names: Sequence[str], reason: Unavailable) -> dict[str, str]:
    """Score -> reason, for the scores among `names` that the source computes."""
    return {name: str(reason) for name in names if SCORES[name].source == source}


def check_ids(captions: Mapping[str, str], examples: Sequence[Example], chosen: Sequence[Example]) -> None:
    """Raises ValueError for no captions, no examples, a caption without an example, and an id of two examples."""
    if not captions or not examples:
        raise ValueError(f"got {len(captions)} captions and {len(examples)} examples, expected 1 or more of both")
    unmatched = captions.keys() - {example.id for example in examples}
    if unmatched:
        raise ValueError(
            f"{len(unmatched)} of {len(captions)} captions have an id that no example has, such as "
            f"{min(unmatched)!r}; the examples' ids look like {examples[0].id!r}"
        )
    if len(captions) < len(chosen):
        raise ValueError(f"{len(chosen) - len(captions)} examples have the id of another example; give each its own id")


def unmet_needs(examples: Sequence[Example]) -> dict[str, str]:
    """Need (`Score.needs`) -> message for the user, for the needs that some of the examples do not meet."""
    from metric.scenes.world import Scene

    no_references = sum(not example.references for example in examples)
    not_drawn = sum(not isinstance(example.image, Scene) for example in examples)
    reasons = {
        "references": no_references and f"{no_references} of {len(examples)} captioned images have no references",
        "scenes": not_drawn and f"{not_drawn} of {len(examples)} images are not drawn scenes, whose truth is known",
    }
    return {need: reason for need, reason in reasons.items() if reason}


def why_not(name: str, unmet: Mapping[str, str]) -> str:
    """The reasons why a score cannot be computed. "" for a score that can."""
    return "; ".join(unmet[need] for need in SCORES[name].needs if need in unmet)


def facts(
    asked: Request, names: Sequence[str], family_facts: Mapping[str, str], captions: Sequence[str], examples: int
) -> dict[str, str]:
    """Facts to print beside the numbers. A fact of a score holds for the version of the score with references too."""
    without = examples - len(captions)
    english = [name for name in names if "language" not in asked.options.get(SCORES[name].source, {})]
    empty = sum(not caption.strip() for caption in captions)
    caption_facts = {
        "uncaptioned": without and f"{without} of {examples} examples have no caption and are left aside",
        "empty": empty and f"{empty} of {len(captions)} captions are empty, and scored as such",
        "language": language_fact(captions, names, english),
    }
    score_facts = {name: fact for name, fact in family_facts.items() if name in names or f"ref_{name}" in names}
    return {name: fact for name, fact in caption_facts.items() if fact} | score_facts


def open_grammar(options: Options, defaults: Defaults) -> Family:
    """The family of the grammar score. Raises ValueError for a named checker that cannot run.

    `auto` takes the best checker that runs here, and a note names the checker in whose place it works. `none`, and
    `auto` without any checker, raise Unavailable. A language other than English has one checker, LanguageTool.
    """
    language = options.get("language", "")
    name = known_checker(options.get("checker", defaults.checker))
    cache = options.get("cache", "")
    if name == "none":
        raise Unavailable("no grammar checker was asked for")
    if name != "auto" or language:
        return partial(grammar, grammar_checker("languagetool" if name == "auto" else name, cache, language), "")
    try:
        checker, note = available_checker(cache)
    except ValueError as reason:
        raise Unavailable(str(reason)) from None
    return partial(grammar, checker, note)


def ready(family: Family) -> Callable[[Options, Defaults], Family]:
    """The opener of a family that needs captions and examples only."""

    def opener(options: Options, defaults: Defaults) -> Family:
        return family

    return opener


# Source (`Score.source`) -> opener: a function of the options and of the defaults of `evaluate`, to a family of scores.
SOURCES: dict[str, Callable[[Options, Defaults], Family]] = {
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
