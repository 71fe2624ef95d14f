"""Retrieval and zero-shot recognition by a CLIP.

Axes: n images, m texts, d features, k names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from metric.clip.embedder import Embedder
from metric.example import Picture

RANKS = (1, 5, 10)


def retrieval(image: Tensor, text: Tensor, image_of_text: Tensor) -> dict[str, float]:
    """R@1, 5 and 10 in both directions as fractions, `n d`, `m d`, `m` -> {"i2t_r1": ...}. A tie counts as a miss.

    An image counts when any of its texts is among the first. Images without a text are left out.
    """
    similarity = image @ text.T  # n m
    belongs = image_of_text == torch.arange(len(image), device=image_of_text.device)[:, None]  # n m
    best = similarity.masked_fill(~belongs, -torch.inf).amax(1, keepdim=True)  # n 1
    text_rank = ((similarity >= best) & ~belongs).sum(1)[belongs.any(1)]
    of_own_image = similarity.gather(0, image_of_text[None])  # 1 m
    image_rank = ((similarity >= of_own_image) & ~belongs).sum(0)
    ways = {"i2t": text_rank, "t2i": image_rank}
    return {f"{way}_r{k}": (rank < k).float().mean().item() for way, rank in ways.items() for k in RANKS}


Prompts = Mapping[
    str, Sequence[str]
]  # name -> texts whose mean embedding stands for it, as CLIP's own zero-shot has it


def zero_shot(
    embedder: Embedder, images: Sequence[Path | Picture], prompts: Prompts, shown: Sequence[Collection[str]]
) -> float:
    """Recall of the k names of a picture among its k best names, as the mean over pictures that have any."""
    ranked = [(ranks, set(truth)) for ranks, truth in zip(ranking(embedder, images, prompts), shown) if truth]
    return sum(len(set(ranks[: len(truth)]) & truth) / len(truth) for ranks, truth in ranked) / len(ranked)


def recognised(
    embedder: Embedder, images: Sequence[Path | Picture], prompts: Prompts, shown: Sequence[Collection[str]]
) -> float:
    """Share of the pictures whose best name is among the names in `shown`."""
    ranked = list(zip(ranking(embedder, images, prompts), shown))
    return sum(ranks[0] in truth for ranks, truth in ranked) / len(ranked)


def ranking(embedder: Embedder, images: Sequence[Path | Picture], prompts: Prompts) -> list[list[str]]:
    """For each picture the names from best to worst."""
    names = list(prompts)
    means = torch.stack([embedder.texts(texts).mean(0) for texts in prompts.values()])
    similarity = embedder.images(images) @ F.normalize(means, dim=-1).T  # n k
    return [[names[place] for place in row] for row in similarity.argsort(1, descending=True).tolist()]
