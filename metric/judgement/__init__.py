"""Whether a metric deserves trust: agreement with people on benchmarks, and an audit by corrupted captions."""

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
from metric.judgement.media_check import with_pictures
from metric.spec import find

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


def load_benchmark(name: str, root: Path, references: int = 0, look: bool = False) -> Benchmark:
    """Reads the files of the benchmark `name` in the folder `root`.

    `references` is the most references an item keeps; 0 keeps all. With `look`, items whose picture is absent or
    broken are left out and named in `Benchmark.left_out`. Raises ValueError for a name or a file that is not there.
    """
    benchmark = BENCHMARKS[find(name, BENCHMARKS, "benchmark")](root)
    benchmark = benchmark.with_references(references) if references else benchmark
    return with_pictures(benchmark) if look else benchmark
