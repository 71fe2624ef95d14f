"""A grammar checker that checks each different caption once: in a run or, with a cache, in all runs."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from metric.runtime.console import tell
from metric.runtime.progress import Progress

T = TypeVar("T")
CACHED = 1 << 20  # captions remembered
LONGEST = 2_000  # characters of a caption that are checked; LanguageTool takes a millisecond for each
TOGETHER = 30_000  # characters checked at a time, some 500 captions
ENGLISH = "en-US"  # the language of the checkers unless another is asked for
OFF = "off: casing, spelling, spacing, final punctuation, style"


class Checker:
    """A checker. Its name has the version of the engine and a digest of the rules that are off."""

    def __init__(self, name: str, rules: Iterable[str], check: Callable[[list[str]], list[bool]]):
        """`check` maps captions to whether each is incorrect; a caption is one line and not empty. `rules` are off."""
        self.name = f"{name} ({OFF}; list {digest(' '.join(sorted(rules)))[:8]})"
        self.check = check
        self.verdicts: dict[str, bool] = {}
        self.stored: Verdicts | None = None

    def incorrect(self, captions: Sequence[str]) -> list[bool]:
        """For each caption whether it breaks a rule. An empty caption breaks none."""
        lines = [" ".join(caption.split())[:LONGEST] for caption in captions]
        if len(self.verdicts) > CACHED:
            self.verdicts.clear()
        self.learn([line for line in dict.fromkeys(lines) if line and line not in self.verdicts])
        return [bool(line) and self.verdicts[line] for line in lines]

    def learn(self, lines: list[str]) -> None:
        """Look the lines up in the cache, and check the lines that the cache does not have."""
        self.verdicts |= self.remembered(lambda stored: stored.verdicts(lines)) or {}
        lines = [line for line in lines if line not in self.verdicts]
        with Progress("grammar of caption", len(lines), part=True) as progress:
            for batch in batches(lines):
                verdicts = dict(zip(batch, self.check(batch)))
                self.verdicts |= verdicts
                self.remembered(partial(Verdicts.add, verdicts=verdicts))
                progress.advance(len(batch))

    def remembered(self, use: Callable[[Verdicts], T]) -> T | None:
        """What `use` makes of the cache. A cache that fails in mid-work is told once and left alone from then on."""
        if self.stored is None:
            return None
        try:
            return use(self.stored)
        except sqlite3.Error as error:
            tell([f"{self.stored.path}: {error}; verdicts of grammar are kept there no longer"])
            self.stored = None
            return None


def batches(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines in batches of at most TOGETHER characters; a longer line is a batch of its own."""
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
    """The verdicts of one checker with one version and set of rules, in a file that runs share.

    Raises ValueError for a file that cannot be used. Methods raise sqlite3.Error for one that fails later.
    """

    def __init__(self, folder: Path, checker: str) -> None:
        self.path = folder / f"grammar-{digest(checker)[:16]}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.make(checker)
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"{self.path} cannot keep verdicts of grammar: {error}; give another cache=, or delete the file"
            ) from None

    def make(self, checker: str) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            file.execute("CREATE TABLE IF NOT EXISTS checker (name TEXT PRIMARY KEY)")
            file.execute("CREATE TABLE IF NOT EXISTS verdicts (caption TEXT PRIMARY KEY, wrong INTEGER)")
            file.execute("INSERT OR IGNORE INTO checker VALUES (?)", (checker,))

    def verdicts(self, captions: Iterable[str]) -> dict[str, bool]:
        """The verdicts on those of `captions` that were checked before."""
        ask = "SELECT wrong FROM verdicts WHERE caption = ?"
        with closing(sqlite3.connect(self.path)) as file:
            rows = {caption: file.execute(ask, (caption,)).fetchone() for caption in captions}
        return {caption: bool(row[0]) for caption, row in rows.items() if row}

    def add(self, verdicts: Mapping[str, bool]) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            file.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", verdicts.items())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
