"""Scores that need other programs or files: Java, CoreNLP, COCO's annotations, the training captions.

Each opener checks its programs and files before any score is computed. A missing program or file raises Unavailable. A
missing program or file that an option names raises ValueError.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from metric.example import Example
from metric.scores.bleu_rouge import Tokens
from metric.scores.bootstrap import Pooled
from metric.scores.caption_sets import read_corpus
from metric.scores.chair import Named, chair_i, chair_s, in_photographs, read_instances
from metric.scores.diversity import novelty
from metric.scores.family import Family, Options, Part, Unavailable
from metric.scores.meteor import meteor, meteor_absent
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.spice import spice, spice_absent


def open_meteor(options: Options, defaults: object) -> Family:
    if reason := meteor_absent():
        raise Unavailable(reason)
    return score_meteor


def score_meteor(captions: list[str], examples: list[Example]) -> Part:
    corpus, scores = meteor(list(map(tokenize, captions)), references_of(examples))
    return Part({"meteor": corpus}, {"meteor": scores}, facts={"meteor": "METEOR 1.5, -l en -norm"})


def open_spice(options: Options, defaults: object) -> Family:
    corenlp = options.get("corenlp") or os.environ.get("CORENLP_HOME", "")
    if reason := spice_absent(corenlp):
        raise (ValueError if "corenlp" in options else Unavailable)(reason)
    cache = Path(options["cache"]) if "cache" in options else None
    return partial(score_spice, corenlp, cache)


def score_spice(corenlp: str, cache: Path | None, captions: list[str], examples: list[Example]) -> Part:
    scores = spice(list(map(tokenize, captions)), references_of(examples), corenlp, cache)
    return Part({"spice": fmean(scores)}, {"spice": scores}, facts={"spice": f"SPICE 1.0, CoreNLP of {corenlp}"})


def references_of(examples: Sequence[Example]) -> list[list[Tokens]]:
    return [list(map(tokenize, example.references)) for example in examples]


def open_objects(options: Options, defaults: object) -> Family:
    if "instances" not in options:
        raise Unavailable("no annotations of objects were given; type chair_i:instances=instances_val2014.json")
    shown = read_instances(Path(options["instances"]))
    return partial(score_objects, shown)


def score_objects(shown: Mapping[str, frozenset[str]], captions: list[str], examples: list[Example]) -> Part:
    fact = "objects of the instance annotations and of the references"
    return hallucinated("chair", in_photographs(captions, examples, shown), {"chair_i": fact, "chair_s": fact})


def hallucinated(name: str, counts: Sequence[Named], facts: dict[str, str] | None = None) -> Part:
    """CHAIR-i and CHAIR-s in percent. CHAIR-i of a corpus is a share of all named objects, no mean over captions."""
    per_caption = {
        f"{name}_i": [100.0 * chair_i([named]) for named in counts],
        f"{name}_s": [100.0 * chair_s([named]) for named in counts],
    }
    corpus = {f"{name}_i": 100.0 * chair_i(counts), f"{name}_s": 100.0 * chair_s(counts)}
    sums = np.array([tuple(named) for named in counts], dtype=float)
    pooled = Pooled(sums, lambda sums: 100.0 * sums[:, 0] / sums[:, 1].clip(min=1.0))
    return Part(corpus, per_caption, {f"{name}_i": pooled}, facts or {})


def open_training(options: Options, defaults: object) -> Family:
    if "training" not in options:
        raise Unavailable("no training captions were given; type novelty:training=captions_train2014.json")
    training = [tokenize(text) for texts in read_corpus(Path(options["training"])) for text in texts]
    return partial(score_novelty, training)


def score_novelty(training: Sequence[Tokens], captions: list[str], examples: list[Example]) -> Part:
    scores = [100.0 * new for new in novelty(map(tokenize, captions), training)]
    return Part(
        {"novelty": fmean(scores)}, {"novelty": scores}, facts={"novelty": f"{len(training)} training captions"}
    )
