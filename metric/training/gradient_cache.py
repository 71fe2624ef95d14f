"""Embeddings of a large batch whose activations are kept for one part at a time: gradient caching.

Axes: n items, d features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_parts(encode: Callable[[Any], Tensor], items: Any, size: int, device: torch.device) -> Tensor:
    """`encode(items)` -> `n d`, `size` items at a time; 0: all at once.

    The contrastive loss needs all embeddings, but no activations: those of a part are computed again when its
    gradients are due and dropped before the next part's turn, as in GradCache (arXiv 2101.06983). Random numbers are
    drawn again as they were.
    """
    if not size or len(items) <= size:
        return encode(items)
    here = torch.empty(0, device=device)  # checkpoint restores the generators of the devices its arguments are on
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return torch.cat([checkpoint(lambda part, _: encode(part), part, here, use_reentrant=False) for part in parts])
