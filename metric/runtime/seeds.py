"""Every generator that code around a step may draw from, set by the step's number: no random state needs saving."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Python's, NumPy's and torch's own, on all devices; a reward by others may use any of them."""
    random.seed(seed)
    np.random.seed([seed % 2**32, seed >> 32])  # takes words of 32 bits
    torch.manual_seed(seed)
