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

# Benchmark -> versions of its protocol that the field knows, the first by default.
PROTOCOLS = {
    "composite": ("12k", "correctness", "ratings", "polos"),
    "nebula": ("own", "spica"),
    "thumb": ("all", "machines"),
}


def load_benchmark(
    name: str, root: Path, references: int = 0, look: bool = False, protocol: str = "", ties: str = ""
) -> Benchmark:
    """The benchmark `name`, read from its files in the folder `root`.

    `references` is the most references an item keeps; 0 keeps all. With `look`, items whose picture is absent or
    broken are left out and named in `Benchmark.left_out`. `protocol` is one of PROTOCOLS, `ties` one of
    `metric.judgement.agreement.TIES`; "" takes the benchmark's own. Raises ValueError for an unknown name, a version
    or a worth of ties that the benchmark does not have, and a missing file.
    """
    from metric.judgement.agreement import TIES
    from metric.judgement.media_check import with_pictures

    known = find(name, BENCHMARKS, "benchmark")
    ties = find(ties, TIES, "worth of a tie") if ties else ""
    module, function = BENCHMARKS[known].split(":")
    read = getattr(import_module(f"{__name__}.{module}"), function)
    benchmark = read(root, *version_of(known, protocol))
    benchmark = benchmark.with_ties(ties) if ties else benchmark
    benchmark = benchmark.with_references(references) if references else benchmark
    return with_pictures(benchmark) if look else benchmark


def version_of(name: str, protocol: str) -> tuple[str, ...]:
    """The version of a benchmark's protocol as arguments of its reader; () where there is one protocol only.

    Raises ValueError for a version that the benchmark does not have.
    """
    if name in PROTOCOLS:
        return (find(protocol, PROTOCOLS[name], f"protocol of {name}") if protocol else "",)
    if protocol:
        raise ValueError(f"{name} has one protocol, got --protocol {protocol}; leave it out")
    return ()
