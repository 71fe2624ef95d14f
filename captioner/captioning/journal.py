"""The work folder OUT.work: what has been captioned so far, appended to as it comes, and what it was made with.

Each process appends to a journal of its own and reads all; so a kill costs the block in work, and captions of any
number of processes, even of other numbers in earlier calls, add up. OUT is written from it when all are done.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from captioner.data.blocks import PART
from metric.runtime.work_share import Share
from metric.storage.atomic_files import write, write_json

SETTINGS, LOCK, BEFORE = "settings.json", "lock", "kept"
KEPT = -1  # what counts as the part of captions that were there before us


@dataclass(frozen=True)
class Row:
    """A picture's captions, best first, with the scores of each by name; or why it was passed over."""

    id: str
    order: int = 0
    captions: list[str] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    skipped: str = ""


class Work:
    """The folder of the output `out`."""

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, out.with_name(out.name + ".work")

    def begin(self, settings: Mapping[str, Any], any_settings: bool) -> None:
        """Made, or found with the same settings; others are refused, or else left as they are."""
        if not self.begun:
            return write_json(self.folder / SETTINGS, settings)
        before = self.settings()
        changed = [name for name in settings if settings[name] != before.get(name)]
        if changed and not any_settings:
            told = ", ".join(f"{name} {before.get(name)!r}, now {settings[name]!r}" for name in changed)
            raise ValueError(
                f"{self.out} was begun with {told}; give another --out, delete {self.folder}, "
                "or type --skip-done to keep its captions"
            )

    @property
    def begun(self) -> bool:
        return (self.folder / SETTINGS).is_file()

    def settings(self) -> dict[str, Any]:
        path = self.folder / SETTINGS
        if not path.is_file():
            raise ValueError(f"there is no work on {self.out} to merge: {path} is not there")
        return json.loads(path.read_text(encoding="utf-8"))

    def journals(self) -> list[Path]:
        """Oldest work first, so that a picture mended since has its later row."""
        return sorted(self.folder.glob("*.jsonl"), key=lambda path: (path.stem != BEFORE, path.stat().st_mtime_ns))

    def rows(self) -> Rows:
        return Rows(self.journals())

    def keep(self, captions: Mapping[str, list[str]]) -> None:
        """Captions that were there before us, before all others."""
        rows = [Row(name, i - len(captions), texts) for i, (name, texts) in enumerate(captions.items())]
        write(self.folder / f"{BEFORE}.jsonl", "".join(map(line, rows)))

    @contextmanager
    def journal(self, share: Share) -> Iterator[IO[str]]:
        """To append to; a line that a kill cut short is taken off."""
        path = self.folder / f"{share}.jsonl"
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"another process is writing {path}; wait, or give another --shard") from None
            os.truncate(path, max((at + len(raw) for at, raw in whole_lines(path)), default=0))
            self.marker(share).unlink(missing_ok=True)
            yield file

    def marker(self, share: Share) -> Path:
        return self.folder / f"{share}.done"

    def lacking(self, count: int) -> list[str]:
        """Processes of `count` that have not come to their end."""
        shares = (Share(index, count) for index in range(1, count + 1))
        return [str(share) for share in shares if not self.marker(share).is_file()]

    def refuse_unfinished(self) -> None:
        """A ValueError unless all processes of one call, of any number, have come to their end."""
        counts = {int(path.stem.rpartition("-")[2]) for path in self.folder.glob("*-of-*.jsonl")}
        lacking = {count: self.lacking(count) for count in sorted(counts)}
        if all(lacking.values()):
            told = "; ".join(f"of {count} processes {', '.join(names)}" for count, names in lacking.items())
            raise ValueError(f"{self.out} is not to be merged yet, not at their end are: {told or 'any'}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time puts the output together."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Rows:
    """The last row of each picture, read from the journals when it is asked for; in the input's order."""

    def __init__(self, journals: Iterable[Path]) -> None:
        self.journals = list(journals)
        self.places: dict[str, tuple[int, int, int]] = {}  # order, file, byte
        self.skipped: dict[str, str] = {}
        self.twice: set[str] = set()
        """ids that pictures of two parts of the input have"""
        for number, path in enumerate(self.journals):
            for at, raw in whole_lines(path):
                self.note(json.loads(raw), number, at)

    def note(self, row: dict[str, Any], file: int, at: int) -> None:
        name = row["id"]
        if row["skipped"]:
            if name not in self.places:
                self.skipped[name] = row["skipped"]
        else:
            self.skipped.pop(name, None)
            if name in self and KEPT not in (parts := {self.part(name), part_of(row["order"])}) and len(parts) == 2:
                self.twice.add(name)
            self.places[name] = row["order"], file, at

    def part(self, name: str) -> int:
        """Which part of the input it is in."""
        return part_of(self.places[name][0])

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Row]:
        return map(self.__getitem__, sorted(self.places, key=self.places.__getitem__))

    def __getitem__(self, name: str) -> Row:
        _, file, at = self.places[name]
        with self.journals[file].open("rb") as journal:
            journal.seek(at)
            return Row(**json.loads(journal.readline()))


def part_of(order: int) -> int:
    return max(order // PART, KEPT)


def line(row: Row) -> str:
    return json.dumps(asdict(row), ensure_ascii=False) + "\n"


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each begins, in bytes, and what it holds; the last may be half written, or being written."""
    at = 0
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n"):
                yield at, raw
            at += len(raw)
