"""CLIP-S, PAC-S and their versions with references, as functions of cosines."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP_W = 2.5  # scale of CLIP-S (arXiv 2104.08718)
PAC_W = 2.0  # scale of PAC-S, as in the authors' pac_score.py; PAC-S++ appears with 2.0 and with 2.5
PREFIX = "A photo depicts "  # before every candidate and reference (arXiv 2104.08718)


def clip_s(cosine: Tensor) -> Tensor:
    """CLIP-S, 2.5 max(cos, 0), in the shape of `cosine` (arXiv 2104.08718).

    >>> clip_s(torch.tensor([0.3, -0.1])).tolist()
    [0.75, 0.0]
    """
    return CLIP_W * cosine.clamp(min=0)


def pac_s(cosine: Tensor, w: float = PAC_W) -> Tensor:
    """PAC-S, w max(cos, 0), in the shape of `cosine` (arXiv 2303.12112).

    >>> pac_s(torch.tensor([0.5, -0.1])).tolist()
    [1.0, 0.0]
    """
    return w * cosine.clamp(min=0)


def ref_score(score: Tensor, text_cosine: Tensor) -> Tensor:
    """The score with references: the harmonic mean of the scaled `score` and the clamped `text_cosine`. 0/0 is 0.

    `text_cosine` is the greatest cosine of the caption to a reference, unscaled. Both arguments have the same shape.

    >>> ref_score(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    cosine = text_cosine.clamp(min=0)
    total = score + cosine
    return torch.where(total > 0, 2 * score * cosine / total.clamp(min=torch.finfo(total.dtype).tiny), 0.0)
