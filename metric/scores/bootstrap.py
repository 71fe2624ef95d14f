"""Confidence intervals of corpus scores: the bootstrap over images (Koehn 2004, for BLEU).

Axes: r resamples, n captions, s sums. Captions are resampled, references are not: CIDEr's document frequency, for
example, stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

LEVEL = 0.95
CHUNK = 200  # resamples drawn at a time
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Pooled:
    """A corpus score that is a function of sums over captions, such as BLEU or a share of all mentions."""

    sums: np.ndarray
    """the summands of each caption, `n s`"""
    score: Callable[[np.ndarray], np.ndarray]
    """sums `r s` -> scores `r`"""

    def gives(self, corpus: float) -> bool:
        """Whether the sums of all captions give this corpus score."""
        return bool(np.isclose(self.score(self.sums.sum(0, keepdims=True))[0], corpus, rtol=1e-9, atol=1e-12))


def mean_of(values: Sequence[float]) -> Pooled:
    """The mean over captions as a Pooled score.

    >>> mean_of([1.0, 2.0, 6.0]).gives(3.0)
    True
    """
    sums = np.stack([np.asarray(values, dtype=float), np.ones(len(values))], axis=1)
    return Pooled(sums, lambda sums: sums[:, 0] / sums[:, 1])


class Difference(NamedTuple):
    """Second score minus first, its 95 % interval, and the two-sided p of a difference of 0."""

    difference: float
    low: float
    high: float
    p: float


def resample(scores: Mapping[Key, Pooled], resamples: int, rng: np.random.Generator) -> dict[Key, np.ndarray]:
    """Name -> the score of each resample, `r`. All scores are of the same draws of n captions with replacement."""
    if not scores:
        return {}
    every = np.concatenate([pooled.sums for pooled in scores.values()], axis=1)
    n, ends = len(every), np.cumsum([pooled.sums.shape[1] for pooled in scores.values()])[:-1]
    sizes = [min(CHUNK, resamples - start) for start in range(0, resamples, CHUNK)]
    drawn = np.concatenate([draws(n, size, rng) @ every for size in sizes])
    split = np.split(drawn, ends, axis=1)
    return {name: pooled.score(sums) for (name, pooled), sums in zip(scores.items(), split)}


def draws(n: int, r: int, rng: np.random.Generator) -> np.ndarray:
    """The number of times that each caption is in each resample, `r n`."""
    drawn = rng.integers(n, size=(r, n)) + n * np.arange(r)[:, None]
    return np.bincount(drawn.ravel(), minlength=r * n).reshape(r, n).astype(float)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile interval at LEVEL.

    >>> [round(end, 3) for end in interval(np.arange(101))]
    [2.5, 97.5]
    """
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def difference(first: float, second: float, resampled: np.ndarray) -> Difference:
    """The difference of two scores over the same images. `resampled` are its values on resamples, `r`.

    Each of these is of two scores on one draw. p is two-sided: twice the share of resamples at 0 or beyond, where the
    observed difference counts as one more resample.
    """
    beyond = min((resampled <= 0).sum(), (resampled >= 0).sum())
    p = min(1.0, 2 * (beyond + 1) / (len(resampled) + 1))
    return Difference(second - first, *interval(resampled), float(p))
