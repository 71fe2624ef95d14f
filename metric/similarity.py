"""CLIP-S, PAC-S and their reference versions as functions of cosines; their scale, prefix and clamp."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP_W = 2.5  # scale of CLIP-S (arXiv 2104.08718)
PAC_W = 2.0  # scale of PAC-S, as in the authors' pac_score.py; PAC-S++ appears with 2.0 and with 2.5
PREFIX = "A photo depicts "  # before every candidate and reference (arXiv 2104.08718)


def clip_s(cosine: Tensor) -> Tensor:
    """2.5 max(cos, 0), any shape.

    >>> clip_s(torch.tensor([0.3, -0.1])).tolist()
    [0.75, 0.0]
    """
    return CLIP_W * cosine.clamp(min=0)


def pac_s(cosine: Tensor, w: float = PAC_W) -> Tensor:
    """w max(cos, 0), any shape (arXiv 2303.12112).

    >>> pac_s(torch.tensor([0.5, -0.1])).tolist()
    [1.0, 0.0]
    """
    return w * cosine.clamp(min=0)


def ref_score(score: Tensor, text_cosine: Tensor) -> Tensor:
    """Harmonic mean of the scaled `score` and the unscaled best cosine to a reference. 0/0 is 0.

    Same shapes; `text_cosine` is the maximum over the references, clamped at 0 here.

    >>> ref_score(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    cosine = text_cosine.clamp(min=0)
    total = score + cosine
    return torch.where(total > 0, 2 * score * cosine / total.clamp(min=torch.finfo(total.dtype).tiny), 0.0)
