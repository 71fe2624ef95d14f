"""Scores of a set of captions: `evaluate(captions, examples, names)`.

Each family is one function from captions and their examples, in the same order, to the scores of the corpus
and of each caption. What cannot be computed is in `Scores.skipped` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

from metric.cider import Cider
from metric.example import Example
from metric.grammar import Checker, grammar_checker
from metric.names import SCORES, expand_names
from metric.ngram import bleu, rouge_l
from metric.repetition import ends_badly, repeated, repeated_share, vocabulary
from metric.scores import Scores
from metric.tokenize import tokenize

if TYPE_CHECKING:
    from torch import Tensor

    from metric.embed import Embedder

PerCaption = dict[str, list[float]]
Family = Callable[[list[str], list[Example]], tuple[dict[str, float], PerCaption]]


def evaluate(
    captions: Mapping[str, str],
    examples: Sequence[Example],
    names: Sequence[str],
    clip: Embedder | None = None,
    pac: Embedder | None = None,
    checker: str = "auto",
) -> Scores:
    """Scores of `captions` (by the examples' ids), for scores and families in `names`.

    `clip` embeds for CLIP-S, `pac` for PAC-S++; `checker` is `auto` or an engine of grammar.py. Examples
    without a caption are left aside, which `facts` tells; a caption without an example is an error.
    """
    wanted = expand_names(names)
    chosen = [example for example in examples if example.id in captions]
    check_ids(captions, examples, chosen)
    asks_grammar = any("checker" in SCORES[name].needs for name in wanted)
    engine, excuse = grammar_engine(checker) if asks_grammar else (None, "")
    lacking = missing(chosen, clip, pac, excuse)
    skipped = {name: reason for name in wanted if (reason := why_not(name, lacking))}
    computed = [name for name in wanted if name not in skipped]
    corpus: dict[str, float] = {}
    per_caption: PerCaption = {}
    for family in families(computed, clip, pac, engine):
        of_corpus, of_captions = family([captions[example.id] for example in chosen], chosen)
        corpus |= of_corpus
        per_caption |= of_captions
    ids = [example.id for example in chosen]
    return Scores(
        {name: corpus[name] for name in computed},
        {name: dict(zip(ids, per_caption[name])) for name in computed if name in per_caption},
        skipped,
        len(chosen),
        facts(computed, len(chosen), len(examples), clip, pac, engine),
    )


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


def grammar_engine(name: str) -> tuple[Checker | None, str]:
    """A checker, or why there is none; one that was asked for by name has to be there."""
    if name == "none":
        return None, "no grammar checker was asked for"
    try:
        return grammar_checker(name), ""
    except ValueError as error:
        if name != "auto":
            raise
        return None, str(error)


def missing(
    examples: Sequence[Example], clip: Embedder | None, pac: Embedder | None, no_checker: str
) -> dict[str, str]:
    """What scores may need and is not here -> how to say so."""
    from metric.scenes.world import Scene

    bare = sum(not example.references for example in examples)
    other = sum(not isinstance(example.image, Scene) for example in examples)
    reasons = {
        "references": bare and f"{bare} of {len(examples)} captioned images have no references",
        "clip": clip is None and "no CLIP was given for CLIP-S",
        "pac": pac is None and "no CLIP was given for PAC-S++",
        "scenes": other and f"{other} of {len(examples)} images are not drawn scenes, whose truth is known",
        "checker": no_checker,
    }
    return {need: reason for need, reason in reasons.items() if reason}


def why_not(name: str, lacking: Mapping[str, str]) -> str:
    return "; ".join(lacking[need] for need in SCORES[name].needs if need in lacking)


def families(
    names: Sequence[str], clip: Embedder | None, pac: Embedder | None, checker: Checker | None
) -> list[Family]:
    """The functions that between them compute all of `names`, each once."""
    by_need: dict[str, Family] = {"references": classic, "scenes": scene, "": text}
    if clip is not None:
        by_need["clip"] = partial(similarity, clip, "clip_s")
    if pac is not None:
        by_need["pac"] = partial(similarity, pac, "pac_spp")
    if checker is not None:
        by_need["checker"] = partial(grammar, checker)
    return [by_need[need] for need in dict.fromkeys((*SCORES[name].needs, "")[0] for name in names)]


def classic(captions: list[str], examples: list[Example]) -> tuple[dict[str, float], PerCaption]:
    """BLEU, ROUGE-L and CIDEr-D, whose document frequency is over these very images."""
    candidates = list(map(tokenize, captions))
    references = [list(map(tokenize, example.references)) for example in examples]
    of_corpus, of_captions = bleu(candidates, references)
    raw = [example.references for example in examples]
    per_caption = {f"bleu_{n}": list(column) for n, column in enumerate(zip(*of_captions), start=1)}
    per_caption["rouge_l"] = list(map(rouge_l, candidates, references))
    per_caption["cider"] = Cider(raw).scores(captions, raw)
    return means(per_caption) | {f"bleu_{n}": score for n, score in enumerate(of_corpus, start=1)}, per_caption


def text(captions: list[str], examples: list[Example]) -> tuple[dict[str, float], PerCaption]:
    """What needs nothing but the captions."""
    words = list(map(tokenize, captions))
    per_caption: PerCaption = {}
    for n in range(1, 5):
        per_caption[f"rep_{n}"] = [float(repeated(tokens, n)) for tokens in words]
        per_caption[f"rep_{n}_rate"] = [repeated_share(tokens, n) for tokens in words]
    per_caption["bad_endings"] = [100.0 * ends_badly(tokens) for tokens in words]
    per_caption["length"] = [float(len(tokens)) for tokens in words]
    return means(per_caption) | {"vocabulary": float(vocabulary(words))}, per_caption


def grammar(checker: Checker, captions: list[str], examples: list[Example]) -> tuple[dict[str, float], PerCaption]:
    per_caption = {"incorrect": [100.0 * wrong for wrong in checker.incorrect(captions)]}
    return means(per_caption), per_caption


def similarity(
    embedder: Embedder, name: str, captions: list[str], examples: list[Example]
) -> tuple[dict[str, float], PerCaption]:
    """CLIP-S or PAC-S++, and the reference version when all images have references."""
    from metric.similarity import PREFIX, clip_s, pac_s, ref_score

    candidates = embedder.texts([PREFIX + caption for caption in captions])
    cosine = (embedder.images([example.image for example in examples]) * candidates).sum(1)
    score = {"clip_s": clip_s, "pac_spp": pac_s}[name](cosine)
    per_caption = {name: score.tolist()}
    if all(example.references for example in examples):
        best = closest(candidates, embedder, examples)
        per_caption[f"ref_{name}"] = ref_score(score, best).tolist()
    return means(per_caption), per_caption


def closest(candidates: Tensor, embedder: Embedder, examples: list[Example]) -> Tensor:
    """Best cosine of each candidate to its references, `n d` -> `n`."""
    import torch

    from metric.similarity import PREFIX

    sizes = [len(example.references) for example in examples]
    references = embedder.texts([PREFIX + words for example in examples for words in example.references])
    pairs = zip(candidates, references.split(sizes))
    return torch.stack([(of_image @ candidate).max() for candidate, of_image in pairs])


def scene(captions: list[str], examples: list[Example]) -> tuple[dict[str, float], PerCaption]:
    """Against what is known of a drawn scene, in percent."""
    from metric.scenes.truth import belongs, recall, truth
    from metric.scenes.world import Scene

    scenes = [example.image for example in examples if isinstance(example.image, Scene)]
    per_caption = {
        "scene_truth": [100.0 * share for share in map(truth, captions, scenes)],
        "scene_recall": [100.0 * share for share in map(recall, captions, scenes)],
        "scene_grammatical": [100.0 * belongs(caption) for caption in captions],
    }
    return means(per_caption), per_caption


def means(per_caption: PerCaption) -> dict[str, float]:
    return {name: fmean(numbers) for name, numbers in per_caption.items()}


def facts(
    names: Sequence[str],
    captioned: int,
    asked: int,
    clip: Embedder | None,
    pac: Embedder | None,
    checker: Checker | None,
) -> dict[str, str]:
    """What belongs beside the numbers."""
    found: dict[str, str] = {}
    if captioned < asked:
        found["uncaptioned"] = f"{asked - captioned} of {asked} examples have no caption and are left aside"
    if "cider" in names:
        found["cider"] = f"CIDEr-D, document frequency over the references of these {captioned} images"
    for score, embedder in (("clip_s", clip), ("pac_spp", pac)):
        if embedder is not None and (score in names or f"ref_{score}" in names):
            found[score] = similarity_facts(score, embedder)
    if checker is not None and "incorrect" in names:
        found["incorrect"] = checker.name
    return found


def similarity_facts(score: str, embedder: Embedder) -> str:
    from metric.similarity import CLIP_W, PAC_W, PREFIX

    w = {"clip_s": CLIP_W, "pac_spp": PAC_W}[score]
    return f"w {w}, prefix {PREFIX.strip()!r}, CLIP {embedder.clip.name} ({embedder.clip.fingerprint})"
