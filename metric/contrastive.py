"""What is minimised when images and texts learn to agree, as functions of unit embeddings.

Axes: b pairs, m of them with something made, d features. Row i of one side belongs to row i of the other; all
other rows are negatives.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Made(NamedTuple):
    """Embeddings of made positives `m d`, and the rows of the batch they were made for, `m`."""

    embedding: Tensor
    rows: Tensor


def info_nce(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of CLIP (arXiv 2103.00020). `b d`, `b d`, inverse temperature -> scalar."""
    logits = scale * image @ text.T  # b b
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def positive_augmented(
    image: Tensor,
    text: Tensor,
    made_image: Made | None,
    made_text: Made | None,
    scale: Tensor,
    lambda_v: float,
    lambda_t: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L(v, t) + lambda_v L(v', t) + lambda_t L(v, t') (arXiv 2410.07336), and its terms by name.

    `b d`, `b d`. v' is a picture made for the text, t' a caption made for the picture; None drops the term.
    """
    terms = {"loss_vt": info_nce(image, text, scale)}
    total = terms["loss_vt"]
    if made_image is not None:
        terms["loss_made_image"] = info_nce(made_image.embedding, text[made_image.rows], scale)
        total = total + lambda_v * terms["loss_made_image"]
    if made_text is not None:
        terms["loss_made_text"] = info_nce(image[made_text.rows], made_text.embedding, scale)
        total = total + lambda_t * terms["loss_made_text"]
    return total, {name: term.detach() for name, term in terms.items()}
