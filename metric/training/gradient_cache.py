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
    """`encode(items)` -> `n d`, computed for `size` items at a time; 0 stands for all at once.

    The contrastive loss needs all embeddings but no activations. The activations of a part are computed again for its
    gradients and dropped before those of the next part, as in GradCache (arXiv 2101.06983). The same random numbers are
    drawn again.
    """
    if not size or len(items) <= size:
        return encode(items)
    on_device = torch.empty(0, device=device)  # checkpoint restores the generators of the devices its arguments are on
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return torch.cat([checkpoint(lambda part, _: encode(part), part, on_device, use_reentrant=False) for part in parts])
