"""Ours against the published figures: agrees, differs, or not comparable and why."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metric.judgement.benchmark import Benchmark, Choices
from metric.judgement.published import POINTS, PUBLISHED, Published, published
from metric.scores.catalogue import SCORES
from metric.video import Video

AGREES, DIFFERS, OTHER = "agrees", "differs", "not comparable"
LEARNED = 0.003  # the code of CLIPScore gives 51.4 where its paper has 51.2 (jmhessel/clipscore issue 3)
ROUNDING = 1e-9  # of a figure at the very edge of the tolerance
DRAWN = 0.012  # ties, of votes and of scores, and five references are drawn by lot in Pascal-50S
# score without `ref_` -> what its fact says of the published weights
WEIGHTS = {
    "clip_s": "CLIP ViT-B-32-quickgelu:openai",
    "pac_s": "the authors' PAC-S of ViT-B/32",
    "pac_spp": "the authors' PAC-S++ of ViT-B/32",
}
PICTURES = ("picture is not there", "picture cannot be read")


@dataclass(frozen=True)
class Line:
    """One published figure and ours."""

    benchmark: str
    metric: str
    result: str
    ours: float | None
    published: float
    tolerance: float
    verdict: str
    why: str
    """the reason why nothing can be compared"""
    source: str

    def record(self) -> dict[str, Any]:
        return dict(vars(self))


def lines(benchmark: Benchmark, metrics: Mapping[str, Mapping[str, float]], facts: Mapping[str, str]) -> Iterator[Line]:
    """A line for each published figure of the metrics that were computed, then of those that were not.

    `metrics` is metric -> result -> ours; a metric may be a spec with options. `facts` is metric -> fact.
    """
    for key, results in metrics.items():
        fact = fact_of(key, facts)
        for row in published(benchmark.name, key.partition(":")[0]):
            why = other_protocol(benchmark, row) or other_data(benchmark, row) or other_weights(row.metric, fact)
            yield from (line(row, key, result, results.get(result), why) for result in row.figures)
    computed = {key.partition(":")[0] for key in metrics}
    for row in PUBLISHED:
        if row.benchmark == benchmark.name and row.metric not in computed:
            yield from (line(row, row.metric, result, None, needs(row.metric)) for result in row.figures)


def fact_of(key: str, facts: Mapping[str, str]) -> str:
    """The fact of a metric; a version with references has that of the version without."""
    return facts.get(key) or facts.get(key.removeprefix("ref_"), "")


def missing(name: str, why: str) -> Iterator[Line]:
    """A line for each published figure of a benchmark whose files are not there."""
    for row in PUBLISHED:
        if row.benchmark == name:
            yield from (line(row, row.metric, result, None, why) for result in row.figures)


def line(row: Published, key: str, result: str, ours: float | None, why: str) -> Line:
    tolerance = tolerance_of(row, result)
    figure = row.figures[result]
    ours = None if ours is None or math.isnan(ours) else ours
    why = why or ("" if ours is not None else "ours is undefined")
    near = ours is not None and abs(ours - figure) <= tolerance + ROUNDING
    verdict = OTHER if why else AGREES if near else DIFFERS
    return Line(row.benchmark, key, result, ours, figure, tolerance, verdict, why, row.source)


def tolerance_of(row: Published, result: str) -> float:
    """Half a unit of the last published digit, more for learned metrics and where something is drawn by lot."""
    drawn = DRAWN if row.benchmark == "pascal-50s" else 0.0
    learned = LEARNED if SCORES[row.metric].family == "clip" else 0.0
    return max(row.units[result], drawn, learned)


def other_protocol(benchmark: Benchmark, row: Published) -> str:
    """What the published figures do otherwise than this run; "" for the same protocol."""
    if row.unsaid:
        return row.unsaid
    if row.versions and benchmark.version not in row.versions:
        return f"of --protocol {' and '.join(row.versions)}, this is {benchmark.version}"
    if benchmark.references not in row.references and "references" in SCORES[row.metric].needs:
        return f"of --references {' or '.join(map(str, row.references))}, this is {benchmark.references}"
    # ActivityNet-FOIL's code counts a tie as an error, CLIPScore's figures count it half or draw it by lot
    worths = ("error",) if benchmark.name == "activitynet-foil" else ("half", "lot")
    if isinstance(benchmark.verdict, Choices) and benchmark.verdict.ties not in worths:
        return f"of --ties {' or '.join(worths)}, this is {benchmark.verdict.ties}"
    return ""


def other_data(benchmark: Benchmark, row: Published) -> str:
    """How the data of this run differ from those of a published figure; "" where no difference is known."""
    points = POINTS.get((benchmark.name, benchmark.version))
    if points and points != len(benchmark.verdict):
        return f"of {points:,} data points, this has {len(benchmark.verdict):,}"
    lost = sum(len(benchmark.left_out.get(reason, ())) for reason in PICTURES)
    if lost:
        return f"of all pictures, {lost:,} are left out here"
    filmed = isinstance(benchmark.items[0].example.image, Video) and SCORES[row.metric].family == "clip"
    return "of words weighed by their frequency in training, that file is not there" * (filmed and not benchmark.corpus)


def other_weights(metric: str, fact: str) -> str:
    """Whose weights the published figures of a learned metric are of, where those of `fact` are others."""
    wanted = WEIGHTS.get(metric.removeprefix("ref_"))
    if fact.startswith("EMScore") and ", full," not in fact:
        return "of the full EMScore"
    if wanted is None or re.search(rf"{re.escape(wanted)}\b", fact):
        return ""
    return f"of {wanted}, this has other weights"


def needs(metric: str) -> str:
    """Why a published figure has nothing of ours beside it: the metric was not asked for, and what it takes."""
    base = metric.removeprefix("ref_")
    typed = {
        "clip_s": f"{metric}:clip=ViT-B-32-quickgelu:openai",
        "pac_s": f"{metric}:checkpoint=DIR with the authors' weights",
        "pac_spp": f"{metric}:checkpoint=DIR with the authors' weights",
    }.get(base, metric)
    return f"not computed; type --metrics {typed}"
