"""Contrastive losses of images and texts, as functions of unit embeddings.

Axes: b pairs, m pairs with a made positive, d features. Row i of one side belongs to row i of the other side. All other
rows are negatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

PairLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # `b d`, `b d` -> scalar, temperature and bias inside


class Made(NamedTuple):
    """Embeddings of made positives, `m d`, and the rows of the batch that they belong to, `m`."""

    embedding: Tensor
    rows: Tensor


def info_nce(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of CLIP (arXiv 2103.00020). `b d`, `b d`, inverse temperature -> scalar."""
    logits = scale * image @ text.T  # b b
    diagonal = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal)) / 2


def sigmoid(image: Tensor, text: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Loss of SigLIP (arXiv 2303.15343, algorithm 1): each of the b x b pairs is right or wrong by itself.

    The loss is a sum over pairs and a mean over images. `b d`, `b d`, inverse temperature, bias -> scalar.
    """
    logits = scale * image @ text.T + bias  # b b
    right = 2 * torch.eye(len(logits), device=logits.device) - 1  # 1 for own pairs, -1 for all others
    return -F.logsigmoid(right * logits).sum() / len(logits)


LOSSES = ("infonce", "sigmoid")


def positive_augmented(
    image: Tensor,
    text: Tensor,
    made_image: Made | None,
    made_text: Made | None,
    loss: PairLoss,
    lambda_v: float,
    lambda_t: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L(v, t) + lambda_v L(v', t) + lambda_t L(v, t') (arXiv 2410.07336), and its terms by name.

    `b d`, `b d`. v' is a picture made for the text, t' a caption made for the picture. None drops a term.
    """
    terms = {"loss_vt": loss(image, text)}
    total = terms["loss_vt"]
    if made_image is not None:
        terms["loss_made_image"] = loss(made_image.embedding, text[made_image.rows])
        total = total + lambda_v * terms["loss_made_image"]
    if made_text is not None:
        terms["loss_made_text"] = loss(image[made_text.rows], made_text.embedding)
        total = total + lambda_t * terms["loss_made_text"]
    return total, {name: term.detach() for name, term in terms.items()}
