"""What each reward did to the captions: run folders read, seeds grouped, scores side by side.

`captioner compare RUN RUN ... --out DIR`. Runs that differ in nothing but their seed are one row: mean and
sample standard deviation over seeds.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from captioner.runs.outcome import Outcome, group, read, refuse_impostors, refuse_mixture
from metric.scores.catalogue import SCORES

MARK = "◆"  # beside the score that a row was trained on


class Column(NamedTuple):
    """A score as it is shown; `better` is 1 when higher is better, -1 when lower is, 0 when neither."""

    name: str
    title: str
    family: str
    better: int


FAMILIES = {
    "classic": "Against the references",
    "plain": "Against the references, as first published",
    "java": "Against the references, by Java",
    "clip": "Against the picture",
    "scene": "Truth",
    "data": "Against annotations",
    "text": "Form",
}
LOWER_IS_BETTER = ("rep_", "incorrect", "bad_endings", "chair_", "scene_chair_")
NEITHER = ("length", "vocabulary")


def column(name: str) -> Column:
    if name not in SCORES:
        return Column(name, name, "Other", 0)
    better = 0 if name in NEITHER else -1 if name.startswith(LOWER_IS_BETTER) else 1
    return Column(name, SCORES[name].printed, FAMILIES[SCORES[name].family], better)


class Summary(NamedTuple):
    """One score over the seeds of a row."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation; one seed has none."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """Runs that differ in nothing but their seed, lowest seed first."""

    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def first(self) -> Outcome:
        return self.outcomes[0]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(outcome.seed for outcome in self.outcomes)

    @property
    def signature(self) -> str:
        """Several where the seeds were given their own weights."""
        return " | ".join(dict.fromkeys(outcome.signature for outcome in self.outcomes))

    @cached_property
    def scores(self) -> dict[str, Summary]:
        """The scores that every seed has."""
        names = [name for name in self.first.corpus if all(name in outcome.corpus for outcome in self.outcomes)]
        return {name: Summary(tuple(outcome.corpus[name] for outcome in self.outcomes)) for name in names}

    def why_missing(self, name: str) -> str:
        """The reason that a score is not shown, from the first seed without it."""
        outcome = next(outcome for outcome in self.outcomes if name not in outcome.corpus)
        whose = f"seed {outcome.seed}: " if len(self.outcomes) > 1 else ""
        return whose + outcome.skipped.get(name, "not asked for")


class Cell(NamedTuple):
    """A number of the table, rounded as its column is; `spread` is empty for one seed."""

    mean: str
    spread: str
    best: bool
    trained: bool

    def __str__(self) -> str:
        return self.mean + (f" ± {self.spread}" if self.spread else "") + (f" {MARK}" if self.trained else "")


@dataclass(frozen=True)
class Comparison:
    """Rows over one split of one data set: those without a reward first, then as they were given."""

    split: str
    rows: tuple[Row, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for row in self.rows for outcome in row.outcomes]

    @cached_property
    def columns(self) -> list[Column]:
        """The scores that a row or more have, in a fixed order, unknown ones last."""
        names = dict.fromkeys(name for row in self.rows for name in row.scores)
        order = [name for family in FAMILIES for name in SCORES if SCORES[name].family == family]
        return [
            column(name) for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order))
        ]

    def decimals(self, column: Column) -> int:
        """Three figures for the column's largest number, none for whole numbers."""
        means = [abs(row.scores[column.name].mean) for row in self.rows if column.name in row.scores]
        if all(mean == int(mean) for mean in means) and max(means) >= 1:
            return 0
        return 3 if max(means) < 10 else 2 if max(means) < 20 else 1

    def line(self, column: Column) -> list[Cell]:
        """A column's cells, one a row; the best is told among the rounded means, unless all are equal."""
        decimals = self.decimals(column)
        there = [row.scores.get(column.name) for row in self.rows]
        means = [f"{score.mean:.{decimals}f}" if score else "–" for score in there]
        numbers = [float(mean) * column.better for mean in means if mean != "–"]
        best = max(numbers) if len(set(numbers)) > 1 else None
        cells = []
        for row, score, mean in zip(self.rows, there, means):
            spread = f"{score.spread:.{decimals}f}" if score and score.spread is not None else ""
            wins = best is not None and mean != "–" and float(mean) * column.better == best
            cells.append(Cell(mean, spread, wins, bool(score) and row.first.trained_on(column.name)))
        return cells

    def headings(self) -> list[str]:
        return ["Training", "Seeds", *(column.title for column in self.columns)]

    def cells(self) -> list[list[Cell]]:
        """One list a row, one cell a column."""
        return [list(row) for row in zip(*(self.line(column) for column in self.columns))]

    def missing(self) -> list[str]:
        """`CIDEr: why (which rows)`, one for each score that is absent or skipped somewhere."""
        names = [column.name for column in self.columns]
        names += [name for outcome in self.outcomes for name in outcome.skipped]
        lines = []
        for name in dict.fromkeys(names):
            absent = [row for row in self.rows if name not in row.scores]
            for reason in dict.fromkeys(row.why_missing(name) for row in absent):
                whose = [row.label for row in absent if row.why_missing(name) == reason]
                where = "" if len(whose) == len(self.rows) else f" ({', '.join(whose)})"
                lines.append(f"{column(name).title}: {reason}{where}")
        return lines

    def facts(self) -> dict[str, str]:
        """What was compared, with what; several values where runs differ."""
        found: dict[str, dict[str, None]] = {}
        for outcome in self.outcomes:
            about = {key: outcome.config.get(key.lower()) for key in ("CLIP", "commit", "hardware", "versions")}
            for key, value in {**about, **outcome.facts}.items():
                if value:
                    found.setdefault(column(key).title, {})[sentence(value)] = None
        first = self.rows[0].first
        seeds = sorted({outcome.seed for outcome in self.outcomes})
        fixed = {"data": first.config["data"], "split": self.split, "captions": f"{first.count:,} a run"}
        return fixed | {"seeds": ", ".join(map(str, seeds))} | {key: " | ".join(found[key]) for key in found}

    def disagreements(self) -> list[str]:
        """Scores that were not measured alike in all runs, such as by two grammar checkers."""
        lines = []
        for key in dict.fromkeys(key for outcome in self.outcomes for key in outcome.facts):
            values = Counter(sentence(outcome.facts[key]) for outcome in self.outcomes if key in outcome.facts)
            if len(values) > 1:
                parts = "; ".join(f"{value} ({n} of {values.total()} runs)" for value, n in values.items())
                lines.append(f"{column(key).title} was not measured alike in all runs: {parts}")
        return lines

    def table(self) -> str:
        """Plain text for a terminal: a line a score, a column a row of the comparison, to fit its width."""
        head = ["", *(row.label for row in self.rows)]
        seeds = ["Seeds", *(", ".join(map(str, row.seeds)) for row in self.rows)]
        body = [[column.title, *(f"{cell}{'*' * cell.best}" for cell in self.line(column))] for column in self.columns]
        widths = [max(map(len, cells)) for cells in zip(head, seeds, *body)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in (head, seeds, *body)]
        legend = f"mean ± standard deviation over seeds   {MARK} trained on this score   * best of its line"
        signed = ["", "Signatures", *(f"{row.label}: {row.signature}" for row in self.rows)]
        return "\n".join(line.rstrip() for line in (lines[0], "-" * len(lines[0]), *lines[1:], legend, *signed))


def sentence(value: Any) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


def compare(runs: Sequence[Path], split: str = "test") -> Comparison:
    """The scores of run folders side by side. Raises ValueError when they cannot be compared."""
    outcomes = [read(run, split) for run in runs]
    if not outcomes:
        raise ValueError("nothing to compare; give run folders that `captioner evaluate` has scored")
    refuse_mixture(outcomes)
    refuse_impostors(outcomes)
    return Comparison(split, tuple(Row(name, tuple(seeds)) for name, seeds in group(outcomes)))
