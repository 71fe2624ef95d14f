"""The record that evaluation hands over, and its files."""

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
    """The scores of a corpus and of its captions, and what to know before comparing them with others."""

    corpus: dict[str, float]
    per_caption: dict[str, dict[str, float]]
    """Score -> caption's id -> number; a score of the corpus alone, such as vocabulary, is not in it."""
    skipped: dict[str, str]
    """Score -> why it could not be computed."""
    count: int
    facts: dict[str, str] = field(default_factory=dict)
    """Which CLIP, checker, scale and document frequency the numbers come from."""
    pooled: dict[str, Pooled] = field(default_factory=dict)
    """Corpus scores that are no mean over captions, as sums that a bootstrap can draw from."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Score -> where 95 % of resampled corpora fall; empty unless a bootstrap was run."""

    def save(self, path: Path) -> None:
        """`scores-<split>.json`; appears whole or not at all."""
        write_json(path, self.record())

    def record(self) -> dict[str, Any]:
        """What the file holds; `intervals` only where a bootstrap was run."""
        record = {"corpus": self.corpus, "count": self.count, "skipped": self.skipped, "facts": self.facts}
        return record | ({"intervals": self.intervals} if self.intervals else {})

    def save_per_caption(self, path: Path) -> None:
        """A CSV: column `id`, then one a score."""
        write_csv(path, ["id", *self.per_caption], self.rows())

    def rows(self) -> list[list[str | float]]:
        """One a caption: its id, then its scores."""
        ids = next(iter(self.per_caption.values()), {})
        return [[id, *(of[id] for of in self.per_caption.values())] for id in ids]

    def statistics(self) -> dict[str, Pooled]:
        """The corpus scores as sums over captions, where they are such.

        Vocabulary is none: a resample, in which captions repeat, has always fewer words. Nor is a score like
        METEOR, whose corpus is neither the mean of its captions nor given as sums.
        """
        columns = {name: list(each.values()) for name, each in self.per_caption.items() if name not in self.pooled}
        means = {name: mean_of(column) for name, column in columns.items()}
        return self.pooled | {name: mean for name, mean in means.items() if mean.gives(self.corpus[name])}


def write_csv(path: Path, head: list[str], rows: Iterable[Sequence[str | float]]) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([head, *rows])
    write(path, table.getvalue())
