"""Audit of a metric: the share of captions with faults that the metric prefers, over a data set.

Axes: n captions.
"""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from metric.example import Example
from metric.judgement.corruptions import CORRUPTIONS
from metric.judgement.judge import Scorer
from metric.judgement.kinship import kinship
from metric.judgement.short_names import short_names
from metric.runtime.progress import Progress

Z = 1.96  # standard normal quantile of a 95 % interval


@dataclass(frozen=True)
class Row:
    """The result of one metric on one corruption."""

    corruption: str
    metric: str
    count: int
    """captions that the corruption applies to"""
    not_applicable: int
    higher: float
    """share of pairs whose corrupted caption scores higher"""
    low: float
    high: float
    """95 % interval of the share `higher` (Wilson)"""
    tied: float
    margin: float
    """mean of corrupted minus original"""
    margin_sd: float
    """`margin` in standard deviations of the originals' scores"""
    met: str = ""
    """what the metric's training knew of the fault: trained, related, unseen; "" for a training without negatives"""


@dataclass(frozen=True)
class Audit:
    rows: list[Row]
    samples: dict[str, tuple[str, str]]
    """corruption -> a caption, before and after"""

    @property
    def hardened(self) -> list[str]:
        """The metrics that were trained with negatives."""
        return list(dict.fromkeys(row.metric for row in self.rows if row.met))

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(row.metric for row in self.rows))

    @property
    def short(self) -> dict[str, str]:
        """Metric -> its name in tables and pictures."""
        return short_names(self.metrics)

    @property
    def corruptions(self) -> list[str]:
        return list(dict.fromkeys(row.corruption for row in self.rows))

    def row(self, corruption: str, metric: str) -> Row:
        return next(row for row in self.rows if (row.corruption, row.metric) == (corruption, metric))


def audit(examples: Sequence[Example], scorers: Iterable[Scorer], seed: int = 0) -> Audit:
    """Audit metrics on examples. One reference of each picture is the caption, and the others stay references."""
    pairs = [hold_out(example, seed) for example in examples]
    reduced = [example for example, _ in pairs]
    originals = [caption for _, caption in pairs]
    corrupted = {name: [corrupt(name, caption, example, seed) for example, caption in pairs] for name in CORRUPTIONS}
    rows: list[Row] = []
    together = list(scorers)
    with Progress("audit round", len(together) * len(corrupted)) as progress:
        for scorer in together:
            before = scorer(reduced, originals)
            for name, captions in corrupted.items():
                applies = np.array([caption is not None for caption in captions])
                after = scorer(reduced, [caption or original for caption, original in zip(captions, originals)])
                rows += [row(name, key, np.asarray(before[key]), np.asarray(after[key]), applies) for key in after]
                progress.advance()
    return Audit(rows, {name: sample(originals, captions) for name, captions in corrupted.items()})


def with_kinship(audited: Audit, kinds: Mapping[str, Collection[str]]) -> Audit:
    """The audit with `met` of each row. `kinds` has the kinds of negatives of each metric that has any."""
    rows = [replace(row, met=kinship(row.corruption, kinds.get(row.metric, ()))) for row in audited.rows]
    return replace(audited, rows=rows)


def hold_out(example: Example, seed: int) -> tuple[Example, str]:
    """The example without one reference, which is drawn at random, and that reference."""
    if not example.references:
        raise ValueError(f"{example.id} has no reference; the audit needs a caption of each picture")
    place = random.Random(f"{seed}/{example.id}").randrange(len(example.references))
    others = example.references[:place] + example.references[place + 1 :]
    return replace(example, references=others), example.references[place]


def corrupt(name: str, caption: str, example: Example, seed: int) -> str | None:
    """The corrupted caption; None where the corruption does not apply, such as a colour swap without a colour."""
    return CORRUPTIONS[name](caption, example, random.Random(f"{seed}/{name}/{example.id}"))


def row(corruption: str, metric: str, before: np.ndarray, after: np.ndarray, applies: np.ndarray) -> Row:
    """The row of scores `n`, `n`, `n`. A pair with equal scores is tied, not higher."""
    margin = (after - before)[applies]
    n = len(margin)
    higher = float((margin > 0).mean()) if n else math.nan
    spread = float(before.std())
    mean = float(margin.mean()) if n else math.nan
    return Row(
        corruption,
        metric,
        n,
        int((~applies).sum()),
        higher,
        *wilson(higher, n),
        float((margin == 0).mean()) if n else math.nan,
        mean,
        mean / spread if spread else math.nan,
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of n (Wilson 1927), within 0 and 1."""
    if not n:
        return math.nan, math.nan
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def sample(originals: Sequence[str], captions: Sequence[str | None]) -> tuple[str, str]:
    return next(((before, after) for before, after in zip(originals, captions) if after is not None), ("", ""))


def as_csv(result: Audit) -> str:
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(Row.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in result.rows)
    return table.getvalue()


def as_markdown(result: Audit) -> str:
    """A table by corruption and metric: % of pairs whose corrupted caption scores higher, interval, margin."""
    short = result.short
    columns = [*short.values(), *(f"in training of {short[metric]}" for metric in result.hardened)]
    lines = ["| corruption | captions | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for corruption in result.corruptions:
        rows = [result.row(corruption, metric) for metric in result.metrics]
        cells = [*map(cell, rows), *(row.met for row in rows if row.met)]
        lines.append(f"| {corruption} | {rows[0].count} | " + " | ".join(cells) + " |")
    legend = "Percent of pairs whose corrupted caption scores higher [95 % interval], and the mean margin in standard "
    return "\n".join([*lines, "", legend + "deviations of the originals' scores."]) + "\n"


def cell(row: Row) -> str:
    """`12.5 [9.1, 16.8] -0.42`"""
    if not row.count:
        return "-"
    margin = "" if math.isnan(row.margin_sd) else f" {row.margin_sd:+.2f}"
    return f"{100 * row.higher:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]{margin}"
