"""Scores of a set of captions: `evaluate(captions, examples, names)`.

Each family is one function from captions and their examples, in the same order, to a Part: the scores of the
corpus and of each caption. What cannot be computed is in `Scores.skipped` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from metric.bootstrap import Pooled
from metric.cider import Cider
from metric.diversity import distinct
from metric.example import Example
from metric.grammar import ENGINES, Checker, available_checker, grammar_checker
from metric.hallucination import in_scenes
from metric.names import SCORES, expand_names, find, request
from metric.ngram import ORDERS, Hits, bleu_of, hits, rouge_l, total
from metric.outside import hallucinated, open_meteor, open_objects, open_spice, open_training
from metric.repetition import ends_badly, repeated, repeated_share, vocabulary
from metric.scores import Part, PerCaption, Scores, Unavailable
from metric.tokenize import tokenize, words

if TYPE_CHECKING:
    from torch import Tensor

    from metric.embed import Embedder

__all__ = ["Scores", "evaluate", "expand_names"]

Family = Callable[[list[str], list[Example]], Part]
Options = Mapping[str, str]


@dataclass(frozen=True)
class Given:
    """What scores are computed with when their options name nothing else."""

    clip: Embedder | None
    pac: Embedder | None
    checker: str
    device: str


def evaluate(
    captions: Mapping[str, str],
    examples: Sequence[Example],
    names: Sequence[str],
    clip: Embedder | None = None,
    pac: Embedder | None = None,
    checker: str = "auto",
    device: str = "cpu",
) -> Scores:
    """Scores of `captions` (by the examples' ids), for the specs of scores and families in `names`.

    `clip` embeds for CLIP-S, `pac` for PAC-S++; `checker` is `auto`, `none` or an engine of grammar.py; a spec
    such as `pac_spp:checkpoint=DIR` says otherwise. Examples without a caption are left aside, which `facts`
    tells; a caption without an example is an error.
    """
    asked = request(names)
    chosen = [example for example in examples if example.id in captions]
    check_ids(captions, examples, chosen)
    lacking = missing(chosen)
    skipped = {name: reason for name in asked.names if (reason := why_not(name, lacking))}
    possible = [name for name in asked.names if name not in skipped]
    families, unavailable = open_sources(possible, asked.options, Given(clip, pac, checker, device))
    skipped |= unavailable
    computed = [name for name in asked.names if name not in skipped]
    whole = together([family([captions[example.id] for example in chosen], chosen) for family in families])
    ids = [example.id for example in chosen]
    return Scores(
        {name: whole.corpus[name] for name in computed},
        {name: dict(zip(ids, whole.per_caption[name])) for name in computed if name in whole.per_caption},
        {name: skipped[name] for name in asked.names if name in skipped},
        len(chosen),
        facts(computed, whole.facts, [captions[example.id] for example in chosen], len(examples)),
        {name: whole.pooled[name] for name in computed if name in whole.pooled},
    )


def open_sources(
    names: Sequence[str], options: Mapping[str, Options], given: Given
) -> tuple[list[Family], dict[str, str]]:
    """What computes `names`, and why some cannot be; ValueError for options that cannot be met.

    Worth calling before captions are made: models and servers are opened once, here.
    """
    families: list[Family] = []
    skipped: dict[str, str] = {}
    for source in dict.fromkeys(SCORES[name].source for name in names):
        try:
            families.append(SOURCES[source](options.get(source, {}), given))
        except Unavailable as reason:
            skipped |= {name: str(reason) for name in names if SCORES[name].source == source}
    return families, skipped


def together(parts: Sequence[Part]) -> Part:
    whole = Part({}, {})
    for part in parts:
        corpus, per_caption = whole.corpus | part.corpus, whole.per_caption | part.per_caption
        whole = Part(corpus, per_caption, whole.pooled | part.pooled, whole.facts | part.facts)
    return whole


def check_ids(captions: Mapping[str, str], examples: Sequence[Example], chosen: Sequence[Example]) -> None:
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
    """What scores need of examples and these lack -> how to say so."""
    from metric.scenes.world import Scene

    bare = sum(not example.references for example in examples)
    other = sum(not isinstance(example.image, Scene) for example in examples)
    reasons = {
        "references": bare and f"{bare} of {len(examples)} captioned images have no references",
        "scenes": other and f"{other} of {len(examples)} images are not drawn scenes, whose truth is known",
    }
    return {need: reason for need, reason in reasons.items() if reason}


def why_not(name: str, lacking: Mapping[str, str]) -> str:
    return "; ".join(lacking[need] for need in SCORES[name].needs if need in lacking)


def classic(captions: list[str], examples: list[Example]) -> Part:
    """BLEU, ROUGE-L and CIDEr-D, whose document frequency is over these very images."""
    each = [hits(words(caption), list(map(words, example.references))) for caption, example in zip(captions, examples)]
    of_captions = map(bleu_of, each)
    raw = [example.references for example in examples]
    per_caption = {f"bleu_{n}": list(column) for n, column in enumerate(zip(*of_captions), start=1)}
    per_caption["rouge_l"] = [
        rouge_l(tokenize(caption), list(map(tokenize, example.references)))
        for caption, example in zip(captions, examples)
    ]
    per_caption["cider"] = Cider(raw).scores(captions, raw)
    corpus = means(per_caption) | {f"bleu_{n}": score for n, score in enumerate(bleu_of(total(each)), start=1)}
    said = f"CIDEr-D, document frequency over the references of these {len(captions)} images"
    return Part(corpus, per_caption, pooled_bleu(each), {"cider": said})


def plain(captions: list[str], examples: list[Example]) -> Part:
    """CIDEr as first published."""
    raw = [example.references for example in examples]
    per_caption = {"cider_plain": Cider(raw).plain(captions, raw)}
    return Part(means(per_caption), per_caption)


def pooled_bleu(each: Sequence[Hits]) -> dict[str, Pooled]:
    """BLEU of a corpus is that of its captions' hits, added up."""
    sums = np.array([(hit.length, hit.reference_length, *hit.guessed, *hit.correct) for hit in each], dtype=float)

    def score(n: int, sums: np.ndarray) -> np.ndarray:
        split = (Hits(row[0], row[1], tuple(row[2:6]), tuple(row[6:])) for row in sums)
        return np.array([bleu_of(hit)[n - 1] for hit in split])

    return {f"bleu_{n}": Pooled(sums, partial(score, n)) for n in range(1, ORDERS + 1)}


def text(captions: list[str], examples: list[Example]) -> Part:
    """What needs nothing but the captions."""
    each = list(map(tokenize, captions))
    per_caption: PerCaption = {}
    for n in range(1, 5):
        per_caption[f"rep_{n}"] = [float(repeated(tokens, n)) for tokens in each]
        per_caption[f"rep_{n}_rate"] = [repeated_share(tokens, n) for tokens in each]
    per_caption["bad_endings"] = [100.0 * ends_badly(tokens) for tokens in each]
    per_caption["length"] = [float(len(tokens)) for tokens in each]
    of_all = {"vocabulary": float(vocabulary(each)), **{f"distinct_{n}": distinct(each, n) for n in (1, 2)}}
    return Part(means(per_caption) | of_all, per_caption)


def grammar(checker: Checker, note: str, captions: list[str], examples: list[Example]) -> Part:
    per_caption = {"incorrect": [100.0 * wrong for wrong in checker.incorrect(captions)]}
    return Part(means(per_caption), per_caption, facts={"incorrect": checker.name + note})


def similarity(embedder: Embedder, name: str, w: float, captions: list[str], examples: list[Example]) -> Part:
    """w max(cos, 0): CLIP-S, PAC-S or PAC-S++, and the reference version when all images have references."""
    from metric.similarity import PREFIX, pac_s, ref_score

    candidates = embedder.texts([PREFIX + caption for caption in captions])
    cosine = (embedder.images([example.image for example in examples]) * candidates).sum(1)
    score = pac_s(cosine, w)  # CLIP-S is the same with another w
    per_caption = {name: score.tolist()}
    if all(example.references for example in examples):
        best = closest(candidates, embedder, examples)
        per_caption[f"ref_{name}"] = ref_score(score, best).tolist()
    said = f"w {w}, prefix {PREFIX.strip()!r}, CLIP {embedder.clip.name} ({embedder.clip.fingerprint})"
    lost = f", {embedder.cut} texts longer than its context were cut" if embedder.cut else ""
    return Part(means(per_caption), per_caption, facts={name: said + lost})


def closest(candidates: Tensor, embedder: Embedder, examples: list[Example]) -> Tensor:
    """Best cosine of each candidate to its references, `n d` -> `n`."""
    import torch

    from metric.similarity import PREFIX

    sizes = [len(example.references) for example in examples]
    references = embedder.texts([PREFIX + words for example in examples for words in example.references])
    pairs = zip(candidates, references.split(sizes))
    return torch.stack([(of_image @ candidate).max() for candidate, of_image in pairs])


def scene(captions: list[str], examples: list[Example]) -> Part:
    """Against what is known of a drawn scene, in percent."""
    from metric.scenes.truth import belongs, recall, truth
    from metric.scenes.world import Scene

    scenes = [example.image for example in examples if isinstance(example.image, Scene)]
    per_caption = {
        "scene_truth": [100.0 * share for share in map(truth, captions, scenes)],
        "scene_recall": [100.0 * share for share in map(recall, captions, scenes)],
        "scene_grammatical": [100.0 * belongs(caption) for caption in captions],
    }
    return together([Part(means(per_caption), per_caption), hallucinated("scene_chair", in_scenes(captions, examples))])


def means(per_caption: PerCaption) -> dict[str, float]:
    return {name: fmean(numbers) for name, numbers in per_caption.items()}


def facts(names: Sequence[str], found: Mapping[str, str], captions: Sequence[str], asked: int) -> dict[str, str]:
    """What belongs beside the numbers; what is said of a score holds for its reference version."""
    without = asked - len(captions)
    empty = sum(not caption.strip() for caption in captions)
    of_captions = {
        "uncaptioned": without and f"{without} of {asked} examples have no caption and are left aside",
        "empty": empty and f"{empty} of {len(captions)} captions are empty, and scored as such",
    }
    of_scores = {name: fact for name, fact in found.items() if name in names or f"ref_{name}" in names}
    return {name: fact for name, fact in of_captions.items() if fact} | of_scores


def open_clip_s(options: Options, given: Given) -> Family:
    from metric.similarity import CLIP_W

    embedder = embedder_of(options["clip"], given.device) if "clip" in options else given.clip
    if embedder is None:
        raise Unavailable("no CLIP was given; write clip_s:clip=ARCH:TAG, a folder, or scenes-clip")
    return partial(similarity, embedder, "clip_s", CLIP_W)


def open_pac(name: str, options: Options, given: Embedder | None, device: str) -> Family:
    from metric.similarity import PAC_W

    embedder = embedder_of(options["checkpoint"], device) if "checkpoint" in options else given
    if embedder is None:
        raise Unavailable(f"no tuned CLIP was given; write {name}:checkpoint=DIR")
    return partial(similarity, embedder, name, positive(f"{name}:w", options["w"]) if "w" in options else PAC_W)


@lru_cache(maxsize=4)
def embedder_of(name: str, device: str) -> Embedder:
    from metric.clip import load_clip
    from metric.embed import Embedder

    return Embedder(load_clip(name, device))


def positive(what: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{what} is a number above 0, got {text!r}")
    return number


def open_grammar(options: Options, given: Given) -> Family:
    """A checker that was asked for by name has to be there; `auto` takes the best there is, and says so."""
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


# What computes scores, by what they need first (names.SCORES): options and what was given -> a family.
SOURCES: dict[str, Callable[[Options, Given], Family]] = {
    "": lambda options, given: text,
    "references": lambda options, given: classic,
    "plain": lambda options, given: plain,
    "scenes": lambda options, given: scene,
    "clip": open_clip_s,
    "pac_s": lambda options, given: open_pac("pac_s", options, None, given.device),
    "pac": lambda options, given: open_pac("pac_spp", options, given.pac, given.device),
    "checker": open_grammar,
    "meteor": open_meteor,
    "spice": open_spice,
    "objects": open_objects,
    "training": open_training,
}
