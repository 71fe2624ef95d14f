"""Human-judgement benchmarks by name: one module reads the published files of one benchmark.

`load_benchmark(name, root)` imports the module of that benchmark only, so that the names alone need no numpy or torch.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from metric.spec import find

if TYPE_CHECKING:
    from metric.judgement.benchmark import Benchmark

# Name -> `module:function` of this package; the function reads a benchmark from its folder.
BENCHMARKS = {
    "flickr8k-expert": "flickr8k:expert",
    "flickr8k-cf": "flickr8k:crowd",
    "composite": "composite:composite",
    "pascal-50s": "pascal50s:pascal50s",
    "foil": "foil:foil",
    "polaris": "polaris:polaris",
    "nebula": "polaris:nebula",
    "thumb": "thumb:thumb",
    "vatex-eval": "vatex:vatex",
    "activitynet-foil": "activitynet:activitynet",
}


def load_benchmark(name: str, root: Path, references: int = 0, look: bool = False) -> Benchmark:
    """The benchmark `name`, read from its files in the folder `root`.

    `references` is the most references an item keeps; 0 keeps all. With `look`, items whose picture is absent or
    broken are left out and named in `Benchmark.left_out`. Raises ValueError for an unknown name or a missing file.
    """
    from metric.judgement.media_check import with_pictures

    module, function = BENCHMARKS[find(name, BENCHMARKS, "benchmark")].split(":")
    benchmark = getattr(import_module(f"{__name__}.{module}"), function)(root)
    benchmark = benchmark.with_references(references) if references else benchmark
    return with_pictures(benchmark) if look else benchmark
