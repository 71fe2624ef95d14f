"""How far corpus scores may be trusted: the bootstrap over images (Koehn 2004, for BLEU).

Axes: r resamples, n captions, s sums. What a score compares with, such as CIDEr's document frequency, stays
as it is: captions are drawn, not references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
CHUNK = 200  # resamples drawn at a time


@dataclass(frozen=True)
class Pooled:
    """A corpus score made of sums over captions, such as BLEU's n-gram hits or a share of all mentions."""

    sums: np.ndarray
    """what each caption adds, `n s`"""
    score: Callable[[np.ndarray], np.ndarray]
    """`r s` -> `r`"""


def mean_of(values: Sequence[float]) -> Pooled:
    """The plain mean over captions, in the same form."""
    sums = np.stack([np.asarray(values, dtype=float), np.ones(len(values))], axis=1)
    return Pooled(sums, lambda sums: sums[:, 0] / sums[:, 1])


class Difference(NamedTuple):
    """Second minus first, where 95 % of its resamples fall, and how often chance alone would give it a sign."""

    difference: float
    low: float
    high: float
    p: float


def resample(scores: Mapping[str, Pooled], resamples: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Each score over the same `resamples` draws of n captions with replacement, `r`."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in scores}
    n = len(next(iter(scores.values())).sums) if scores else 0
    for start in range(0, resamples if scores else 0, CHUNK):
        times = draws(n, min(CHUNK, resamples - start), rng)
        for name, pooled in scores.items():
            found[name].append(pooled.score(times @ pooled.sums))
    return {name: np.concatenate(chunks) for name, chunks in found.items() if chunks}


def draws(n: int, r: int, rng: np.random.Generator) -> np.ndarray:
    """How often each caption is in each resample, `r n`."""
    drawn = rng.integers(n, size=(r, n)) + n * np.arange(r)[:, None]
    return np.bincount(drawn.ravel(), minlength=r * n).reshape(r, n).astype(float)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile interval at LEVEL."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def difference(first: float, second: float, resampled: np.ndarray) -> Difference:
    """Of two scores over the same images; `resampled` differences are paired: both on the same draws.

    p is two-sided: twice the share of resamples on the other side of 0, itself counted as one of them.
    """
    beyond = min((resampled <= 0).sum(), (resampled >= 0).sum())
    p = min(1.0, 2 * (beyond + 1) / (len(resampled) + 1))
    return Difference(second - first, *interval(resampled), float(p))
