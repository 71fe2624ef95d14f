"""Puts the scores of runs side by side, and groups runs that differ in their seed alone.

`captioner compare RUN RUN ... --out DIR`. A group is one row of the table, with means and sample standard deviations
over seeds.
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
from metric.scores.catalogue import SCORES, direction

MARK = "◆"  # stands beside the score that a row was trained on, or that chose its captions


class Column(NamedTuple):
    """A score in the table. `better` is 1 when higher is better, -1 when lower is better, 0 when neither is."""

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


def column(name: str) -> Column:
    """The column of a score. An unknown score gets the family Other."""
    if name not in SCORES:
        return Column(name, name, "Other", 0)
    return Column(name, SCORES[name].printed, FAMILIES[SCORES[name].family], direction(name))


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
        """The signature of the runs, or several when the seeds had weights of their own."""
        return " | ".join(dict.fromkeys(outcome.signature for outcome in self.outcomes))

    @property
    def models(self) -> str:
        """The places of the models that were scored: `reward step 300 of 300`, or several where seeds differ."""
        return " | ".join(dict.fromkeys(outcome.place for outcome in self.outcomes))

    @cached_property
    def scores(self) -> dict[str, Summary]:
        """The scores that every seed has, by name."""
        names = [name for name in self.first.corpus if all(name in outcome.corpus for outcome in self.outcomes)]
        return {name: Summary(tuple(outcome.corpus[name] for outcome in self.outcomes)) for name in names}

    def why_missing(self, name: str) -> str:
        """The reason why a score is absent, from the first seed without the score."""
        outcome = next(outcome for outcome in self.outcomes if name not in outcome.corpus)
        whose = f"seed {outcome.seed}: " if len(self.outcomes) > 1 else ""
        return whose + outcome.skipped.get(name, "not asked for")


class Cell(NamedTuple):
    """A number of the table, rounded like its column. `spread`, the deviation, is empty for one seed."""

    mean: str
    spread: str
    best: bool
    trained: bool

    def __str__(self) -> str:
        return self.mean + (f" ± {self.spread}" if self.spread else "") + (f" {MARK}" if self.trained else "")


@dataclass(frozen=True)
class Comparison:
    """Rows over one split of one data set. Rows without a reward come first, the others in the order of the runs.

    `table()` is the text for a terminal.
    """

    split: str
    rows: tuple[Row, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        """The runs of all rows."""
        return [outcome for row in self.rows for outcome in row.outcomes]

    @cached_property
    def columns(self) -> list[Column]:
        """The scores that at least one row has, in a fixed order. Unknown scores come last."""
        names = dict.fromkeys(name for row in self.rows for name in row.scores)
        order = [name for family in FAMILIES for name in SCORES if SCORES[name].family == family]
        return [
            column(name) for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order))
        ]

    def decimals(self, column: Column) -> int:
        """Decimals of a column: three significant figures for its largest mean, none for whole numbers."""
        means = [abs(row.scores[column.name].mean) for row in self.rows if column.name in row.scores]
        if all(mean == int(mean) for mean in means) and max(means) >= 1:
            return 0
        return 3 if max(means) < 10 else 2 if max(means) < 20 else 1

    def line(self, column: Column) -> list[Cell]:
        """The cells of a column, one a row. The best is chosen among the rounded means, unless all are equal."""
        decimals = self.decimals(column)
        summaries = [row.scores.get(column.name) for row in self.rows]
        means = [f"{score.mean:.{decimals}f}" if score else "–" for score in summaries]
        numbers = [float(mean) * column.better for mean in means if mean != "–"]
        best = max(numbers) if len(set(numbers)) > 1 else None
        cells = []
        for row, score, mean in zip(self.rows, summaries, means):
            spread = f"{score.spread:.{decimals}f}" if score and score.spread is not None else ""
            wins = best is not None and mean != "–" and float(mean) * column.better == best
            cells.append(Cell(mean, spread, wins, bool(score) and row.first.trained_on(column.name)))
        return cells

    def headings(self) -> list[str]:
        """The first line of the table."""
        return ["Training", "Seeds", *(column.title for column in self.columns)]

    def cells(self) -> list[list[Cell]]:
        """The cells as one list a row, one cell a column."""
        return [list(row) for row in zip(*(self.line(column) for column in self.columns))]

    def missing(self) -> list[str]:
        """`CIDEr: reason (rows)`, a line for each score that a row lacks."""
        names = [column.name for column in self.columns]
        names += [name for outcome in self.outcomes for name in outcome.skipped]
        lines = []
        for name in dict.fromkeys(names):
            absent = [row for row in self.rows if name not in row.scores]
            for reason in dict.fromkeys(row.why_missing(name) for row in absent):
                whose = [row.label for row in absent if row.why_missing(name) == reason]
                of_rows = "" if len(whose) == len(self.rows) else f" ({', '.join(whose)})"
                lines.append(f"{column(name).title}: {reason}{of_rows}")
        return lines

    def facts(self) -> dict[str, str]:
        """The data, the split, the seeds, and the tools that scored. A fact has several values where runs differ."""
        values: dict[str, dict[str, None]] = {}
        for outcome in self.outcomes:
            about = {key: outcome.config.get(key.lower()) for key in ("CLIP", "commit", "hardware", "versions")}
            about["decoding"] = outcome.decode
            for key, value in {**about, **outcome.facts}.items():
                if value:
                    values.setdefault(column(key).title, {})[sentence(value)] = None
        first = self.rows[0].first
        seeds = sorted({outcome.seed for outcome in self.outcomes})
        fixed = {"data": first.config["data"], "split": self.split, "captions": f"{first.count:,} a run"}
        return fixed | {"seeds": ", ".join(map(str, seeds))} | {key: " | ".join(values[key]) for key in values}

    def disagreements(self) -> list[str]:
        """Lines on scores that the runs measured in different ways, such as with two grammar checkers or searches."""
        searches = Counter(sentence(outcome.decode) for outcome in self.outcomes if outcome.decode)
        parts = "; ".join(f"{search} ({n} of {searches.total()} runs)" for search, n in searches.items())
        lines = [f"Captions were decoded in different ways: {parts}"] if len(searches) > 1 else []
        for key in dict.fromkeys(key for outcome in self.outcomes for key in outcome.facts):
            values = Counter(sentence(outcome.facts[key]) for outcome in self.outcomes if key in outcome.facts)
            if len(values) > 1:
                parts = "; ".join(f"{value} ({n} of {values.total()} runs)" for value, n in values.items())
                lines.append(f"{column(key).title} was measured in different ways: {parts}")
        return lines

    def table(self) -> str:
        """The comparison as text for a terminal: a line a score, a column for each row of the comparison."""
        head = ["", *(row.label for row in self.rows)]
        seeds = ["Seeds", *(", ".join(map(str, row.seeds)) for row in self.rows)]
        body = [[column.title, *(f"{cell}{'*' * cell.best}" for cell in self.line(column))] for column in self.columns]
        widths = [max(map(len, cells)) for cells in zip(head, seeds, *body)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in (head, seeds, *body)]
        legend = (
            f"mean ± standard deviation over seeds   {MARK} trained on or chosen by this score   * best of the line"
        )
        scored = ["", "Scored models", *(f"{row.label}: {row.models}" for row in self.rows)]
        signed = ["", "Signatures", *(f"{row.label}: {row.signature}" for row in self.rows)]
        everything = (lines[0], "-" * len(lines[0]), *lines[1:], legend, *scored, *signed)
        return "\n".join(line.rstrip() for line in everything)


def sentence(value: Any) -> str:
    """A value as text. A dict becomes `key value, key value`."""
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


def compare(runs: Sequence[Path], split: str = "test") -> Comparison:
    """Reads the scores of run folders and groups the runs.

    Raises ValueError when a folder has no scores, or when the runs captioned different pictures.
    """
    outcomes = [read(run, split) for run in runs]
    if not outcomes:
        raise ValueError("nothing to compare; give run folders that `captioner evaluate` has scored")
    refuse_mixture(outcomes)
    refuse_impostors(outcomes)
    return Comparison(split, tuple(Row(name, tuple(seeds)) for name, seeds in group(outcomes)))
