"""Agreement of metrics with people on a benchmark, with intervals, beside published figures.

Axes: n items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from metric.example import Example
from metric.judgement.agreement import Measure, intervals, paired, resampled
from metric.judgement.benchmark import Benchmark, average
from metric.judgement.check import Line, fact_of, lines, other_protocol, other_weights
from metric.judgement.published import published
from metric.runtime.progress import watched

# One or more metrics that are computed together: examples with different ids, a caption each -> scores by name.
Scorer = Callable[[Sequence[Example], Sequence[str]], Mapping[str, Sequence[float]]]


class Pair(NamedTuple):
    """What the second of two metrics agrees more with people than the first, by the paired bootstrap."""

    first: str
    second: str
    result: str
    """what is compared, such as tau_c"""
    difference: float
    low: float
    high: float
    p: float
    """two-sided, of a difference of 0"""


@dataclass(frozen=True)
class Judgement:
    """The agreement of metrics with a benchmark."""

    benchmark: Benchmark
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, list[float]]]
    facts: dict[str, str]
    pairs: tuple[Pair, ...] = ()
    """each metric against each metric that was typed before it"""

    def record(self) -> dict[str, Any]:
        """The result for JSON, with null for numbers that are not finite."""
        return {
            "benchmark": self.benchmark.name,
            "count": len(self.benchmark.verdict),
            "captions": len(self.benchmark.items),
            "metrics": {name: self.row(name) for name in self.metrics},
            "protocol": self.benchmark.rule,
            "version": self.benchmark.version,
            "left_out": {why: {"count": len(rows), "names": rows} for why, rows in self.benchmark.left_out.items()},
            "check": [line.record() for line in self.check],
            "differences": [pair._asdict() for pair in self.pairs],
            "facts": self.facts,
        }

    def row(self, name: str) -> dict[str, Any]:
        measured = {key: None if math.isnan(value) else value for key, value in self.metrics[name].items()}
        figures = self.published(name)
        spread = {"interval": self.intervals[name]} if self.intervals[name] else {}
        return measured | spread | ({"published": figures} if figures else {})

    def published(self, name: str) -> dict[str, float]:
        """Result -> published figure of the same protocol, and of the same weights where the facts name any."""
        rows = published(self.benchmark.name, name.partition(":")[0])
        fact = fact_of(name, self.facts)
        others = bool(fact and rows and other_weights(rows[0].metric, fact))
        same = [row.figures for row in rows if not others and not other_protocol(self.benchmark, row)]
        return {result: figure for figures in reversed(same) for result, figure in figures.items()}

    @property
    def check(self) -> tuple[Line, ...]:
        """Ours against every published figure of the benchmark."""
        return tuple(lines(self.benchmark, self.metrics, self.facts))


def judge(benchmark: Benchmark, scorers: Iterable[Scorer], resamples: int, facts: dict[str, str]) -> Judgement:
    """Score the items with every scorer and compare. `resamples` 0 computes no intervals and no differences."""
    measures = {name: measure_of(benchmark, rounds) for name, rounds in all_scores(benchmark, scorers).items()}
    every = np.arange(len(benchmark.verdict))
    metrics = {name: measure(every) for name, measure in measures.items()}
    drawn = resampled(measures, benchmark.verdict.units, resamples)
    ranges = {name: intervals(results) for name, results in drawn.items()}
    return Judgement(benchmark, metrics, ranges, facts, tuple(differences(metrics, drawn)))


def differences(
    metrics: Mapping[str, Mapping[str, float]], drawn: Mapping[str, Mapping[str, np.ndarray]]
) -> Iterator[Pair]:
    """The paired differences of every two metrics, for every result that both have."""
    for first, second in combinations(metrics, 2):
        for result in (name for name in drawn[first] if name in drawn[second]):
            values = metrics[first][result], metrics[second][result]
            found = paired(*values, drawn[first][result], drawn[second][result])
            if found:
                yield Pair(first, second, result, *found)


def measure_of(benchmark: Benchmark, rounds: Sequence[np.ndarray]) -> Measure:
    """The agreement with chosen data points, as the mean over rounds of scores `n`."""
    return lambda points: average([benchmark.verdict.agreement(scores, points) for scores in rounds])


def all_scores(benchmark: Benchmark, scorers: Iterable[Scorer]) -> dict[str, list[np.ndarray]]:
    """Metric -> scores of all items, `n`, for each round."""
    scores: dict[str, list[np.ndarray]] = {}
    for scorer in watched(list(scorers), "scores of metric"):
        for items in benchmark.rounds:
            scored = scorer([item.example for item in items], [item.caption for item in items])
            for name, numbers in scored.items():
                scores.setdefault(name, []).append(np.asarray(numbers, dtype=np.float64))
    return scores
