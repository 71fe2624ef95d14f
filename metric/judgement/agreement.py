"""Agreement of numbers with people: Kendall's tau-b and tau-c, pairwise accuracy, and their intervals.

Axes: n data points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import kendalltau

LEVEL = 0.95  # of the intervals


def kendall(scores: np.ndarray, human: np.ndarray) -> dict[str, float]:
    """`n`, `n` -> tau-b and tau-c; NaN when all values on one side are equal.

    >>> scores, people = np.array([0.1, 0.4, 0.3, 0.9]), np.array([1, 2, 2, 3])
    >>> {name: round(tau, 3) for name, tau in kendall(scores, people).items()}
    {'tau_b': 0.913, 'tau_c': 0.938}
    """
    tau_b = float(kendalltau(scores, human, variant="b").statistic)
    n, pairs = len(scores), len(scores) * (len(scores) - 1) / 2
    concordance = tau_b * np.sqrt((pairs - ties(scores)) * (pairs - ties(human)))  # concordant - discordant pairs
    classes = min(len(np.unique(scores)), len(np.unique(human)))
    return {"tau_b": tau_b, "tau_c": float(2 * concordance / n**2 * classes / max(1, classes - 1))}


def ties(values: np.ndarray) -> float:
    """Pairs of equal values.

    >>> ties(np.array([1, 2, 2, 2]))
    3.0
    """
    counts = np.unique(values, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())


def accuracy(margins: np.ndarray, kinds: np.ndarray) -> dict[str, float]:
    """Share of pairs whose better caption scores higher, `n`, `n` -> numbers. A tie counts as a miss.

    With several kinds of pair: the accuracy of each, and their mean.

    >>> accuracy(np.array([0.2, -0.1, 0.0, 0.3]), np.array(["a", "a", "a", "a"]))
    {'accuracy': 0.5, 'ties': 0.25}
    """
    hit = margins > 0
    classes = np.unique(kinds).tolist()
    by_kind = {kind: float(hit[kinds == kind].mean()) for kind in classes}
    ties = {"ties": float((margins == 0).mean())}
    return {"accuracy": float(np.mean(list(by_kind.values())))} | (by_kind if len(classes) > 1 else {}) | ties


def bootstrap(
    measure: Callable[[np.ndarray], dict[str, float]], units: Sequence[Sequence[int]], resamples: int, seed: int = 0
) -> dict[str, list[float]]:
    """95 % percentile intervals of the results of `measure`, by the bootstrap over units of data points.

    Draws with an undefined result do not count. Without resamples the result is empty.
    """
    if not resamples:
        return {}
    rng = np.random.default_rng(seed)
    blocks = [np.asarray(unit) for unit in units]
    draws = [
        measure(np.concatenate([blocks[number] for number in rng.integers(len(blocks), size=len(blocks))]))
        for _ in range(resamples)
    ]
    tail = 50 * (1 - LEVEL)
    columns = {name: [draw[name] for draw in draws if not np.isnan(draw.get(name, np.nan))] for name in draws[0]}
    return {name: np.percentile(column, [tail, 100 - tail]).tolist() for name, column in columns.items() if column}
