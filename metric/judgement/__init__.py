"""Measuring metrics against people: `judge(load_benchmark(name, root), scorers)`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metric.judgement.benchmark import Benchmark
from metric.judgement.benchmarks.activitynet import activitynet
from metric.judgement.benchmarks.composite import composite
from metric.judgement.benchmarks.flickr8k import crowd, expert
from metric.judgement.benchmarks.foil import foil
from metric.judgement.benchmarks.pascal50s import pascal50s
from metric.judgement.benchmarks.polaris import nebula, polaris
from metric.judgement.benchmarks.thumb import thumb
from metric.judgement.benchmarks.vatex import vatex

BENCHMARKS: dict[str, Callable[[Path], Benchmark]] = {
    "flickr8k-expert": expert,
    "flickr8k-cf": crowd,
    "composite": composite,
    "pascal-50s": pascal50s,
    "foil": foil,
    "polaris": polaris,
    "nebula": nebula,
    "thumb": thumb,
    "vatex-eval": vatex,
    "activitynet-foil": activitynet,
}
