"""Agreement of numbers with people: Kendall's tau, Pearson, Spearman, pairwise accuracy; intervals and differences.

Axes: n data points, r resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import kendalltau, rankdata

from metric.scores.bootstrap import Difference, difference

LEVEL = 0.95  # of the intervals
TIES = ("half", "lot", "error")  # what a pair of equal scores counts: half a point, a point by lot, or nothing
Measure = Callable[[np.ndarray], dict[str, float]]  # data points, which may occur several times -> agreement


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


def linear(scores: np.ndarray, human: np.ndarray) -> dict[str, float]:
    """`n`, `n` -> Pearson's and Spearman's correlation; NaN when all values on one side are equal.

    >>> {name: round(r, 3) for name, r in linear(np.array([0.1, 0.4, 0.3, 0.9]), np.array([1, 2, 2, 3])).items()}
    {'pearson': 0.96, 'spearman': 0.949}
    """
    return {"pearson": pearson(scores, human), "spearman": pearson(rankdata(scores), rankdata(human))}


def pearson(scores: np.ndarray, human: np.ndarray) -> float:
    if np.ptp(scores) == 0 or np.ptp(human) == 0:
        return float("nan")
    return float(np.corrcoef(scores, human)[0, 1])


def ties(values: np.ndarray) -> float:
    """Pairs of equal values.

    >>> ties(np.array([1, 2, 2, 2]))
    3.0
    """
    counts = np.unique(values, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())


def accuracy(
    margins: np.ndarray, kinds: np.ndarray, ties: str = "error", lots: np.ndarray | None = None
) -> dict[str, float]:
    """Share of pairs whose better caption scores higher, `n`, `n` -> numbers.

    `ties` says what a tie counts, one of TIES; `lots` `n` are the ties that are won by lot. With several kinds of
    pair: the accuracy of each, and their mean.

    >>> accuracy(np.array([0.2, -0.1, 0.0, 0.3]), np.array(["a", "a", "a", "a"]))
    {'accuracy': 0.5, 'ties': 0.25}
    >>> accuracy(np.array([0.2, -0.1, 0.0, 0.3]), np.array(["a", "a", "a", "a"]), "half")
    {'accuracy': 0.625, 'ties': 0.25}
    """
    worth = {"half": 0.5, "error": 0.0, "lot": lots}[ties]
    hit = np.where(margins == 0, worth, margins > 0)  # type: ignore[arg-type]
    classes = np.unique(kinds).tolist()
    by_kind = {kind: float(hit[kinds == kind].mean()) for kind in classes}
    tied = {"ties": float((margins == 0).mean())}
    return {"accuracy": float(np.mean(list(by_kind.values())))} | (by_kind if len(classes) > 1 else {}) | tied


def bootstrap(
    measure: Measure, units: Sequence[Sequence[int]], resamples: int, seed: int = 0
) -> dict[str, list[float]]:
    """95 % percentile intervals of the results of `measure`, by the bootstrap over units of data points.

    Without resamples the result is empty.
    """
    return intervals(resampled({"": measure}, units, resamples, seed)[""])


def resampled(
    measures: Mapping[str, Measure], units: Sequence[Sequence[int]], resamples: int, seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Metric -> result -> its values on resamples of units of data points, `r`; NaN where undefined.

    Every metric sees the same resamples, so that differences of two metrics are paired.
    """
    rng = np.random.default_rng(seed)
    blocks = [np.asarray(unit) for unit in units]
    draws: dict[str, list[dict[str, float]]] = {name: [] for name in measures}
    for _ in range(resamples):
        points = np.concatenate([blocks[number] for number in rng.integers(len(blocks), size=len(blocks))])
        for name, measure in measures.items():
            draws[name].append(measure(points))
    return {name: columns(rows) for name, rows in draws.items()}


def columns(rows: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Result -> its value in each row, `r`. A result that a row lacks, such as a kind of pair, is NaN there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def intervals(results: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Result -> percentile interval at LEVEL. Undefined draws do not count."""
    tail = 50 * (1 - LEVEL)
    defined = {name: values[~np.isnan(values)] for name, values in results.items()}
    return {name: np.percentile(values, [tail, 100 - tail]).tolist() for name, values in defined.items() if len(values)}


def paired(first: float, second: float, on_first: np.ndarray, on_second: np.ndarray) -> Difference | None:
    """Second metric minus first, with interval and p, by their values on the same resamples, `r` and `r`.

    None where the difference is undefined, or was on every resample.
    """
    drawn = on_second - on_first
    drawn = drawn[~np.isnan(drawn)]
    return None if np.isnan(second - first) or not len(drawn) else difference(first, second, drawn)
