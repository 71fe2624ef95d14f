"""Families of scores: each is one function from captions and their examples, in the same order, to a Part.

Families that need an embedding are in `clip_families`, those that need files or programs in `external_families`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from metric.example import Example
from metric.scores.bleu_rouge import ORDERS, Hits, bleu_of, hits, rouge_l, total
from metric.scores.bootstrap import Pooled
from metric.scores.chair import in_scenes
from metric.scores.cider import Cider
from metric.scores.diversity import distinct, unique
from metric.scores.external_families import hallucinated
from metric.scores.family import Part, PerCaption, means, together
from metric.scores.grammar import Checker
from metric.scores.ptb_tokenizer import tokenize, words
from metric.scores.repetition import ends_badly, repeated, repeated_share, vocabulary


def classic(captions: list[str], examples: list[Example]) -> Part:
    """BLEU, ROUGE-L and CIDEr-D, whose document frequency is over these very images."""
    caption_hits = [
        hits(words(caption), list(map(words, example.references))) for caption, example in zip(captions, examples)
    ]
    of_captions = map(bleu_of, caption_hits)
    raw = [example.references for example in examples]
    per_caption = {f"bleu_{n}": list(column) for n, column in enumerate(zip(*of_captions), start=1)}
    per_caption["rouge_l"] = [
        rouge_l(tokenize(caption), list(map(tokenize, example.references)))
        for caption, example in zip(captions, examples)
    ]
    per_caption["cider"] = Cider(raw).scores_once(captions, raw)
    corpus = means(per_caption) | {f"bleu_{n}": score for n, score in enumerate(bleu_of(total(caption_hits)), start=1)}
    fact = f"CIDEr-D, document frequency over the references of these {len(captions)} images{of_one(captions)}"
    return Part(corpus, per_caption, pooled_bleu(caption_hits), {"cider": fact})


def of_one(captions: Sequence[str]) -> str:
    """The addition to a fact of CIDEr for a single image, whose n-grams are in all images and weigh log(1)."""
    return "; the CIDEr of one image is 0 by definition, whatever its caption" if len(captions) == 1 else ""


def plain(captions: list[str], examples: list[Example]) -> Part:
    """CIDEr as first published."""
    raw = [example.references for example in examples]
    per_caption = {"cider_plain": Cider(raw).plain(captions, raw)}
    return Part(
        means(per_caption), per_caption, facts={"cider_plain": f"CIDEr{of_one(captions)}"} if of_one(captions) else {}
    )


def pooled_bleu(caption_hits: Sequence[Hits]) -> dict[str, Pooled]:
    """BLEU of a corpus as a function of the sums of its captions' hits."""
    sums = np.array(
        [(hit.length, hit.reference_length, *hit.guessed, *hit.correct) for hit in caption_hits], dtype=float
    )

    def score(n: int, sums: np.ndarray) -> np.ndarray:
        split = (Hits(row[0], row[1], tuple(row[2:6]), tuple(row[6:])) for row in sums)
        return np.array([bleu_of(hit)[n - 1] for hit in split])

    return {f"bleu_{n}": Pooled(sums, partial(score, n)) for n in range(1, ORDERS + 1)}


def text(captions: list[str], examples: list[Example]) -> Part:
    """Repetition, endings, lengths and vocabulary, which need nothing but the captions."""
    tokenised = list(map(tokenize, captions))
    per_caption: PerCaption = {}
    for n in range(1, 5):
        per_caption[f"rep_{n}"] = [float(repeated(tokens, n)) for tokens in tokenised]
        per_caption[f"rep_{n}_rate"] = [repeated_share(tokens, n) for tokens in tokenised]
    per_caption["bad_endings"] = [100.0 * ends_badly(tokens) for tokens in tokenised]
    per_caption["length"] = [float(len(tokens)) for tokens in tokenised]
    of_all = {"vocabulary": float(vocabulary(tokenised)), "unique": unique(tokenised)}
    of_all |= {f"distinct_{n}": distinct(tokenised, n) for n in (1, 2)}
    return Part(means(per_caption) | of_all, per_caption)


def grammar(checker: Checker, note: str, captions: list[str], examples: list[Example]) -> Part:
    """Share of captions in which the checker finds a fault, in percent. The fact has its name and the note."""
    per_caption = {"incorrect": [100.0 * wrong for wrong in checker.incorrect(captions)]}
    return Part(means(per_caption), per_caption, facts={"incorrect": checker.name + note})


def scene(captions: list[str], examples: list[Example]) -> Part:
    """Truth, recall, grammar and CHAIR against the known content of drawn scenes, in percent."""
    from metric.scenes.truth import belongs, recall, truth
    from metric.scenes.world import Scene

    scenes = [example.image for example in examples if isinstance(example.image, Scene)]
    per_caption = {
        "scene_truth": [100.0 * share for share in map(truth, captions, scenes)],
        "scene_recall": [100.0 * share for share in map(recall, captions, scenes)],
        "scene_grammatical": [100.0 * belongs(caption) for caption in captions],
    }
    return together([Part(means(per_caption), per_caption), hallucinated("scene_chair", in_scenes(captions, examples))])
