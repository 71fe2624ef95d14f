"""A grammar checker with a memory: each different caption is checked once, in one run or, with a cache, ever."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

CACHED = 1 << 20  # captions remembered
LONGEST = 2_000  # characters of a caption that are looked at; LanguageTool takes a millisecond for each
TOGETHER = 30_000  # characters checked at a time, some 500 captions
OFF = "off: casing, spelling, spacing, final punctuation, style"


class Checker:
    """An engine: its name says version and rules."""

    def __init__(self, name: str, rules: Iterable[str], check: Callable[[list[str]], list[bool]]):
        """`check` says of captions (one line each, not empty) which are incorrect; `rules` are those that are off."""
        self.name = f"{name} ({OFF}; list {digest(' '.join(sorted(rules)))[:8]})"
        self.check = check
        self.known: dict[str, bool] = {}
        self.kept: Verdicts | None = None

    def incorrect(self, captions: Sequence[str]) -> list[bool]:
        """Which captions break a rule. An empty one breaks none."""
        lines = [" ".join(caption.split())[:LONGEST] for caption in captions]
        if len(self.known) > CACHED:
            self.known.clear()
        self.learn([line for line in dict.fromkeys(lines) if line and line not in self.known])
        return [bool(line) and self.known[line] for line in lines]

    def learn(self, lines: list[str]) -> None:
        if self.kept:
            self.known |= self.kept.of(lines)
            lines = [line for line in lines if line not in self.known]
        with tqdm(total=len(lines), desc="grammar", unit="caption", disable=None, leave=False) as bar:
            for batch in batches(lines):
                verdicts = dict(zip(batch, self.check(batch)))
                self.known |= verdicts
                if self.kept:
                    self.kept.add(verdicts)
                bar.update(len(batch))


def batches(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines with at most TOGETHER characters, or one longer line."""
    batch: list[str] = []
    size = 0
    for line in lines:
        if batch and size + len(line) > TOGETHER:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


class Verdicts:
    """What one checker, version and rules said of captions, in a file that runs share."""

    def __init__(self, folder: Path, checker: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"grammar-{digest(checker)[:16]}.sqlite"
        with closing(sqlite3.connect(self.path)) as file, file:
            file.execute("CREATE TABLE IF NOT EXISTS checker (name TEXT PRIMARY KEY)")
            file.execute("CREATE TABLE IF NOT EXISTS verdicts (caption TEXT PRIMARY KEY, wrong INTEGER)")
            file.execute("INSERT OR IGNORE INTO checker VALUES (?)", (checker,))

    def of(self, captions: Iterable[str]) -> dict[str, bool]:
        """The verdicts on those of `captions` that were checked before."""
        ask = "SELECT wrong FROM verdicts WHERE caption = ?"
        with closing(sqlite3.connect(self.path)) as file:
            found = {caption: file.execute(ask, (caption,)).fetchone() for caption in captions}
        return {caption: bool(row[0]) for caption, row in found.items() if row}

    def add(self, verdicts: Mapping[str, bool]) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            file.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", verdicts.items())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
