"""Agreement of metrics with people on a benchmark, with intervals, beside published figures.

Axes: n items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metric.example import Example
from metric.judgement.agreement import bootstrap
from metric.judgement.benchmark import Benchmark, average
from metric.judgement.published import PUBLISHED
from metric.runtime.progress import watched

# One or more metrics that are computed together: of examples with ids of their own and a caption each, by name.
Scorer = Callable[[Sequence[Example], Sequence[str]], Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Judgement:
    """The agreement of metrics with a benchmark."""

    benchmark: Benchmark
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, list[float]]]
    facts: dict[str, str]

    def record(self) -> dict[str, Any]:
        """The result for JSON, with null for numbers that are not finite."""
        return {
            "benchmark": self.benchmark.name,
            "count": len(self.benchmark.verdict),
            "captions": len(self.benchmark.items),
            "metrics": {name: self.row(name) for name in self.metrics},
            "protocol": self.benchmark.protocol,
            "left_out": {why: {"count": len(rows), "names": rows} for why, rows in self.benchmark.left_out.items()},
            "facts": self.facts,
        }

    def row(self, name: str) -> dict[str, Any]:
        measured = {key: None if math.isnan(value) else value for key, value in self.metrics[name].items()}
        known = PUBLISHED.get(self.benchmark.name, {}).get(name)
        intervals = {"interval": self.intervals[name]} if self.intervals[name] else {}
        return measured | intervals | ({"published": known} if known else {})


def judge(benchmark: Benchmark, scorers: Iterable[Scorer], resamples: int, facts: dict[str, str]) -> Judgement:
    """Score the items with every scorer and compare. `resamples` 0 computes no intervals."""
    metrics, intervals = {}, {}
    for name, rounds in all_scores(benchmark, scorers).items():
        measure = measure_of(benchmark, rounds)
        metrics[name] = measure(np.arange(len(benchmark.verdict)))
        intervals[name] = bootstrap(measure, benchmark.verdict.units, resamples)
    return Judgement(benchmark, metrics, intervals, facts)


def measure_of(benchmark: Benchmark, rounds: Sequence[np.ndarray]) -> Callable[[np.ndarray], dict[str, float]]:
    """The agreement with chosen data points, as the mean over rounds of scores `n`."""
    return lambda points: average([benchmark.verdict.agreement(scores, points) for scores in rounds])


def all_scores(benchmark: Benchmark, scorers: Iterable[Scorer]) -> dict[str, list[np.ndarray]]:
    """Metric -> scores of all items, `n`, for each round."""
    values: dict[str, list[np.ndarray]] = {}
    for scorer in watched(list(scorers), "scores of metric"):
        for items in benchmark.rounds:
            scored = scorer([item.example for item in items], [item.caption for item in items])
            for name, numbers in scored.items():
                values.setdefault(name, []).append(np.asarray(numbers, dtype=np.float64))
    return values
