"""Scores: the result of an evaluation, and its files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metric.scores.bootstrap import Pooled, mean_of
from metric.storage.atomic_files import write, write_json


@dataclass(frozen=True)
class Scores:
    """The scores of a corpus and of its captions, with the facts that a comparison needs."""

    corpus: dict[str, float]
    per_caption: dict[str, dict[str, float]]
    """Score -> caption's id -> number. A score of the corpus alone, such as vocabulary, is absent."""
    skipped: dict[str, str]
    """Score -> reason why it could not be computed."""
    count: int
    facts: dict[str, str] = field(default_factory=dict)
    """Score -> CLIP, checker, scale or document frequency that its numbers come from."""
    pooled: dict[str, Pooled] = field(default_factory=dict)
    """Corpus scores that are no means over captions, as sums over captions for the bootstrap."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Score -> 95 % interval. Empty unless a bootstrap was run."""

    def save(self, path: Path) -> None:
        """Write the record as JSON, such as `scores-<split>.json`."""
        write_json(path, self.record())

    def record(self) -> dict[str, Any]:
        """The content of the JSON file. It has `intervals` only where a bootstrap was run."""
        record = {"corpus": self.corpus, "count": self.count, "skipped": self.skipped, "facts": self.facts}
        return record | ({"intervals": self.intervals} if self.intervals else {})

    def save_per_caption(self, path: Path) -> None:
        """Write a CSV file with the column `id` and a column a score."""
        write_csv(path, ["id", *self.per_caption], self.rows())

    def rows(self) -> list[list[str | float]]:
        """A row a caption: its id, then its scores."""
        ids = next(iter(self.per_caption.values()), {})
        return [[id, *(values[id] for values in self.per_caption.values())] for id in ids]

    def statistics(self) -> dict[str, Pooled]:
        """The corpus scores that are functions of sums over captions, for the bootstrap.

        Vocabulary is left out: captions repeat in a resample, which always has fewer words. METEOR is left out too:
        its corpus score is neither the mean of its captions nor given as sums.
        """
        columns = {name: list(values.values()) for name, values in self.per_caption.items() if name not in self.pooled}
        means = {name: mean_of(column) for name, column in columns.items()}
        return self.pooled | {name: mean for name, mean in means.items() if mean.gives(self.corpus[name])}


def write_csv(path: Path, head: list[str], rows: Iterable[Sequence[str | float]]) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([head, *rows])
    write(path, table.getvalue())
