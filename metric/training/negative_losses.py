"""The term of hard text negatives, in its published forms, as functions of unit embeddings.

Axes: b pairs, m negatives of their captions, n the most negatives of a caption, d features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from metric.clip.model import Clip

FORMS = ("negclip", "fsc")
GAMMA, SMOOTHING = 2.0, 0.02  # of FSC-CLIP (arXiv 2410.05210)


class Negatives(NamedTuple):
    """Embeddings of spoiled captions, `m d`, and the rows of the batch whose captions they were, `m`."""

    embedding: Tensor
    rows: Tensor
    right: Tensor
    """`b m`: pictures that a text is no negative of, since one of their references says just that"""


NegativeLoss: TypeAlias = Callable[[Tensor, Tensor, Negatives], Tensor]  # `b d`, `b d`, m negatives -> scalar


def negative_loss(clip: Clip, form: str, of_pairs: str) -> NegativeLoss:
    """The term of the form `negclip` or `fsc`, at the temperature and bias of the CLIP.

    `of_pairs` is the loss of its pairs, infonce or sigmoid: it decides how `negclip` counts wrong texts.
    """
    scale, bias = clip.model.logit_scale, clip.model.logit_bias
    if form == "fsc":
        return lambda image, text, wrong: own_softmax(image, text, wrong, scale.exp())
    if of_pairs == "sigmoid":
        return lambda image, text, wrong: wrong_pairs(image, wrong, scale.exp(), bias)
    return lambda image, text, wrong: more_columns(image, text, wrong, scale.exp())


def more_columns(image: Tensor, text: Tensor, wrong: Negatives, scale: Tensor) -> Tensor:
    """Cross-entropy of each picture over its caption, the other captions and all negatives: b + m texts.

    NegCLIP's image-to-text softmax (arXiv 2210.01936). `b d`, `b d`, m negatives, inverse temperature -> scalar.
    """
    logits = scale * image @ torch.cat([text, wrong.embedding]).T  # b (b + m)
    own = torch.arange(len(image), device=image.device)
    apart = torch.cat([torch.zeros_like(logits[:, : len(text)], dtype=torch.bool), wrong.right], dim=1)
    return F.cross_entropy(logits.masked_fill(apart, -torch.inf), own)


def own_softmax(image: Tensor, text: Tensor, wrong: Negatives, scale: Tensor) -> Tensor:
    """Focal, smoothed cross-entropy of each picture over its caption and the negatives of that caption alone.

    FSC-CLIP's global term (arXiv 2410.05210): the sum over 1 + n classes of y (1 - p)^2 (-log p), where y has 0.02 of
    its weight spread evenly over the classes. The mean is over pictures whose caption has a negative. `b d`, `b d`,
    m negatives, inverse temperature -> scalar.
    """
    own = wrong.rows == torch.arange(len(image), device=image.device)[:, None]  # b m
    has = own.any(1)
    there = torch.cat([torch.ones_like(own[:, :1]), own], dim=1)[has]  # r (1 + m), r captions with a negative
    cosines = torch.cat([(image * text).sum(-1, keepdim=True), image @ wrong.embedding.T], dim=1)[has]
    log_p = (scale * cosines).masked_fill(~there, -torch.inf).log_softmax(-1).masked_fill(~there, 0.0)
    target = SMOOTHING * there / there.sum(1, keepdim=True)
    target[:, 0] += 1 - SMOOTHING
    return -(target * (1 - log_p.exp()) ** GAMMA * log_p).sum(-1).mean()


def wrong_pairs(image: Tensor, wrong: Negatives, scale: Tensor, bias: Tensor) -> Tensor:
    """SigLIP's loss (arXiv 2303.15343) of negatives: each picture with each negative is a pair of label -1.

    The loss is a sum over pairs and a mean over pictures. `b d`, m negatives, inverse temperature, bias -> scalar.
    """
    logits = scale * image @ wrong.embedding.T + bias  # b m
    return -F.logsigmoid(-logits).masked_fill(wrong.right, 0.0).sum() / len(image)
