"""Measuring metrics against people: `judge(load_benchmark(name, root), scorers)`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metric.judgement.activitynet import activitynet
from metric.judgement.benchmark import Benchmark
from metric.judgement.composite import composite
from metric.judgement.flickr8k import crowd, expert
from metric.judgement.foil import foil
from metric.judgement.pascal50s import pascal50s
from metric.judgement.polaris import nebula, polaris
from metric.judgement.thumb import thumb
from metric.judgement.vatex import vatex

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
