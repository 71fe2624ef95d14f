"""Figures of a CLIP as a metric: retrieval, recognition, agreement with exact scores, scores of keyword lists.

Axes: n examples, d features.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from scipy.stats import kendalltau

from metric.clip.embedder import Embedder
from metric.example import Example
from metric.scenes.world import COLOURS, KINDS, SETTINGS, Scene
from metric.similarity import PREFIX, pac_s
from metric.training.retrieval import recognised, retrieval, zero_shot

# one text for each kind and colour; the mean embedding of a kind does not depend on the colour
OBJECTS = {kind: [f"a {colour} {kind}" for colour in COLOURS] for kind in KINDS}


def plainly(names: Sequence[str]) -> dict[str, list[str]]:
    return {name: [f"{PREFIX}a {name}"] for name in names}


def appraise(embedder: Embedder, examples: Sequence[Example]) -> dict[str, float]:
    """Retrieval among examples with one caption each, and their mean PAC-S. Scenes have more figures."""
    rng = random.Random(0)
    image = embedder.images([example.image for example in examples])
    text = embedder.texts([PREFIX + rng.choice(example.references) for example in examples])
    figures = retrieval(image, text, torch.arange(len(examples)))
    figures["human_captions"] = pac_s((image * text).sum(-1)).mean().item()
    if all(isinstance(example.image, Scene) for example in examples):
        figures |= of_scenes(embedder, examples)
    return figures


def of_scenes(embedder: Embedder, examples: Sequence[Example]) -> dict[str, float]:
    """PAC-S of keyword lists, Kendall's tau-b with exact quality, recognition of objects, colours and settings."""
    from metric.scenes.judged import judged_set
    from metric.scenes.language import keywords

    scenes: list[Scene] = [example.image for example in examples]  # type: ignore[misc]
    image = embedder.images(scenes)
    lists = embedder.texts([PREFIX + keywords(scene) for scene in scenes])
    judged, captions, quality = zip(*judged_set(examples))
    pictures = embedder.images([example.image for example in judged])
    score = (pictures * embedder.texts([PREFIX + caption for caption in captions])).sum(-1)
    shown = {
        "object": (OBJECTS, [{thing.kind for thing in scene.things} for scene in scenes]),
        "colour": (plainly(COLOURS), [{thing.colour for thing in scene.things} for scene in scenes]),
        "setting": (plainly(SETTINGS), [{scene.setting} for scene in scenes]),
    }
    return {
        "keyword_lists": pac_s((image * lists).sum(-1)).mean().item(),
        "tau_b": float(kendalltau(score.numpy(), quality, variant="b").statistic),
        **{f"{aspect}_first": recognised(embedder, scenes, *question) for aspect, question in shown.items()},
        **{f"{aspect}_recall": zero_shot(embedder, scenes, *question) for aspect, question in shown.items()},
    }


def table(columns: dict[str, dict[str, float]]) -> str:
    """Figures as text: a row a figure, a column a CLIP."""
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    lines = [f"{'':16}" + "".join(f"{title:>10}" for title in columns)]
    for name in names:
        lines.append(f"{name:16}" + "".join(f"{figures[name]:10.3f}" for figures in columns.values()))
    return "\n".join(lines)
