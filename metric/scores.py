"""The record that evaluation hands over, and its files."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path


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

    def save(self, path: Path) -> None:
        """`scores-<split>.json`; appears whole or not at all."""
        record = {"corpus": self.corpus, "count": self.count, "skipped": self.skipped, "facts": self.facts}
        write(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    def save_per_caption(self, path: Path) -> None:
        """A CSV: column `id`, then one a score."""
        table = io.StringIO(newline="")
        writer = csv.writer(table)
        writer.writerow(["id", *self.per_caption])
        ids = next(iter(self.per_caption.values()), {})
        writer.writerows([id, *(of[id] for of in self.per_caption.values())] for id in ids)
        write(path, table.getvalue())


def write(path: Path, content: str) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(content, encoding="utf-8", newline="")
    os.replace(part, path)
