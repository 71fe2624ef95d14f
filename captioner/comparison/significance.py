"""Tests between two rows of a comparison: over seeds, and paired over pictures.

Over seeds: Welch's test of the means of two samples of runs. It asks whether other seeds would differ likewise, and
takes two seeds or more of each row. Over pictures: a paired bootstrap of the mean difference, where the value of a
picture is its mean over the seeds of a row. It asks whether other pictures would differ likewise, for these models.
No p is corrected for the number of scores.

Axes: r resamples.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import combinations
from math import isclose, isnan
from statistics import fmean
from typing import NamedTuple

import numpy as np

from captioner.comparison.table import Column, Comparison, Row
from captioner.runs.folder import RunFolder
from captioner.runs.outcome import Outcome
from metric.scores.bootstrap import Difference, Pooled, difference, mean_of, resample

RESAMPLES, SEED = 1000, 0
SCALES = (1, 100)  # a score of the set is the mean over its captions, or that in percent

Values = dict[str, float]
"""The values of a score by the ids of the pictures."""


class Tested(NamedTuple):
    """Second row minus first in one score. A test that cannot be made is None."""

    score: str
    difference: float
    pictures: Difference | None
    """the paired bootstrap"""
    seeds: float | None
    """p of Welch's test, two-sided"""


class Pair(NamedTuple):
    """The tests between two rows, by their labels."""

    first: str
    second: str
    scores: list[Tested]


def pairs(comparison: Comparison) -> list[Pair]:
    """The tests of every two rows. The pairs with the first row come first."""
    means = [of_pictures(row, comparison.split) for row in comparison.rows]
    keyed = {(number, name): mean for number, own in enumerate(means) for name, mean in own.items()}
    drawn = resample(keyed, RESAMPLES, np.random.default_rng(SEED))
    resampled = [{name: drawn[number, name] for name in own} for number, own in enumerate(means)]
    found = []
    for (one, before), (two, after) in combinations(zip(comparison.rows, resampled), 2):
        names = [column.name for column in comparison.columns if shared(one, two, column.name)]
        tested = [between(one, two, name, before.get(name), after.get(name)) for name in names]
        found.append(Pair(one.label, two.label, tested))
    return found


def shared(one: Row, two: Row, name: str) -> bool:
    """Whether both rows have the score."""
    return name in one.scores and name in two.scores


def between(one: Row, two: Row, name: str, before: np.ndarray | None, after: np.ndarray | None) -> Tested:
    """The tests of one score. `before` and `after` are the scores of the two rows on the same resamples, `r`."""
    first, second = one.scores[name], two.scores[name]
    paired = None if before is None or after is None else difference(first.mean, second.mean, after - before)
    return Tested(name, second.mean - first.mean, paired, welch(first.values, second.values))


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """p of Welch's test (Biometrika 34, 1947). None with one seed of a row, or without any spread."""
    from scipy.stats import ttest_ind

    if min(len(first), len(second)) < 2 or len(set(first)) == len(set(second)) == 1:
        return None
    p = float(ttest_ind(first, second, equal_var=False).pvalue)
    return None if isnan(p) else p


def of_pictures(row: Row, split: str) -> dict[str, Pooled]:
    """Scores of a row as means over pictures, where the row's score is such a mean. Each picture is a mean of seeds."""
    runs = [columns_of(outcome, split) for outcome in row.outcomes]
    means = {}
    for name in row.scores:
        if all(name in columns for columns in runs):
            values = [fmean(columns[name][picture] for columns in runs) for picture in sorted(runs[0][name])]
            if scale := scale_of(fmean(values), row.scores[name].mean):
                means[name] = mean_of([scale * value for value in values])
    return means


def scale_of(mean: float, score: float) -> int:
    """What the mean over captions is multiplied by to give the score: 1, 100, or 0 for a score that is no mean."""
    return next((scale for scale in SCALES if isclose(scale * mean, score, rel_tol=1e-6, abs_tol=1e-9)), 0)


def columns_of(outcome: Outcome, split: str) -> dict[str, Values]:
    """The columns of scores-<split>.csv. A run has none without the file, or if the file is of other captions."""
    file = RunFolder(outcome.folder).caption_scores_file(split)
    if not file.is_file():
        return {}
    head, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
    if {row[0] for row in rows} != outcome.captions.keys():
        return {}
    return {name: {row[0]: float(row[at]) for row in rows} for at, name in enumerate(head[1:], 1)}


def lines(comparison: Comparison, found: Sequence[Pair]) -> list[tuple[str, list[list[str]]]]:
    """The pairs with the first row for a reader: a title, and of each score its title, difference, interval and p."""
    columns = {column.name: column for column in comparison.columns}
    shown = []
    for pair in found[: len(comparison.rows) - 1]:
        measured = [(columns[tested.score], tested) for tested in pair.scores]
        rows = [line(column, comparison.decimals(column), tested) for column, tested in measured]
        shown.append((f"{pair.second} minus {pair.first}", rows))
    return shown


def line(column: Column, decimals: int, tested: Tested) -> list[str]:
    """The cells of one score: title, difference, 95 % interval, p over pictures, p over seeds."""
    ends = f"{tested.pictures.low:+.{decimals}f} to {tested.pictures.high:+.{decimals}f}" if tested.pictures else "–"
    pictures = p_of(tested.pictures.p if tested.pictures else None)
    return [column.title, f"{tested.difference:+.{decimals}f}", ends, pictures, p_of(tested.seeds)]


def p_of(p: float | None) -> str:
    """A p-value with three decimals, or a dash for a test that was not made."""
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"


HEADINGS = ["Score", "Difference", "95 % interval", "p over pictures", "p over seeds"]
NOTE = (
    "Interval and p over pictures: paired bootstrap over the pictures, each a mean over seeds. p over seeds: Welch's "
    "test, with two seeds of each row or more. No p is corrected for the number of scores."
)


def text(comparison: Comparison, found: Sequence[Pair]) -> str:
    """The pairs with the first row as text for a terminal; "" without a second row."""
    parts = []
    for title, rows in lines(comparison, found):
        widths = [max(map(len, cells)) for cells in zip(HEADINGS, *rows)]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (HEADINGS, *rows)]
        parts += ["", title, "-" * len(table[0]), *table]
    return "\n".join([*parts, NOTE] if parts else [])
