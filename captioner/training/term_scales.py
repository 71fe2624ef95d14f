"""The terms of a mixed reward on one scale, so that the weights decide the mix and the spreads of the terms do not.

A term of spread .03 beside a term of spread .3 has a tenth of its say in a weighted sum, whatever the weights. So the
differences of a term from its mean over a picture's candidates are divided by a spread before the weighted sum:

    total = sum_i weight_i (term_i - mean_i) / (spread_i + LEAST_SPREAD)

`picture` takes the standard deviation over the candidates of each picture. That is `normalize_then_sum` of TRL's
GRPOTrainer, as in GDPO (arXiv 2601.05242). `batch` takes one spread of each term for the whole batch: the root of the
mean variance inside a picture. A picture whose candidates hardly differ then has little say, as without normalisation.

Axes: b pictures, k candidates of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import torch
from torch import Tensor

from metric.runtime.processes import total as total_of_processes

LEAST_SPREAD = 1e-4  # added to a spread, which may be zero; as in TRL

Terms = Mapping[str, Tensor]
"""The raw values `b k` of each term, by the key of the term."""
Spreads = Mapping[str, Tensor | float]
"""The spread of each term: `b 1`, or one number."""


def spreads(parts: Sequence[Terms], mix: str) -> list[Spreads]:
    """The spreads of each part of a batch. `mix` is picture or batch."""
    if mix == "batch":
        return [of_batch(parts)] * len(parts)
    return [{name: values.std(1, keepdim=True) for name, values in part.items()} for part in parts]


def of_batch(parts: Sequence[Terms]) -> Spreads:
    """The spread inside a picture over all parts and processes: the root of the mean variance.

    A picture of k candidates has k - 1 degrees of freedom.
    """
    names = list(parts[0])
    freedom = sum(part[names[0]].numel() - len(part[names[0]]) for part in parts)
    squares = [sum(squared(part[name]) for part in parts) for name in names]
    *summed, free = total_of_processes([*squares, float(freedom)])
    return {name: sqrt(square / free) for name, square in zip(names, summed)}


def squared(values: Tensor) -> float:
    """The sum of the squared differences from the mean of each picture."""
    return float(centred(values, values).double().square().sum())


def normalised(values: Terms, candidates: Terms, scales: Spreads, weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of normalised `values`, `b k` or `b 1`, which are the candidates' or the greedy caption's."""
    parts = [
        weights[name] * centred(values[name], candidates[name]) / (scales[name] + LEAST_SPREAD) for name in candidates
    ]
    return torch.stack(parts).sum(0)


def centred(values: Tensor, candidates: Tensor) -> Tensor:
    """The differences from the mean over a picture's candidates."""
    return values - mean(candidates)


def mean(worth: Tensor) -> Tensor:
    """The mean over a picture's candidates, `b k` -> `b 1`. That of equal ones is their value, without rounding.

    Rounding would be an advantage else, of one sign for all candidates, and Adam takes a whole step for the smallest.
    """
    return torch.where(all_equal(worth), worth[:, :1], worth.mean(1, keepdim=True))


def all_equal(worth: Tensor) -> Tensor:
    """Whether all candidates of a picture have one reward, `b k` -> `b 1`."""
    return (worth == worth[:, :1]).all(1, keepdim=True)
