"""The work folder OUT.work: journals of the captions so far, and the settings they were made with.

Each process appends to a journal of its own and reads all journals. A kill costs the block in work. The number of
processes may differ from call to call. OUT is written when all processes have finished.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from captioner.data import wordless
from captioner.data.blocks import PART
from metric.runtime.work_share import Share
from metric.storage.atomic_files import SURROGATES, write, write_json

SETTINGS, LOCK, BEFORE = "settings.json", "lock", "kept"
KEPT = -1  # the part number of captions that OUT had before the first call


@dataclass(frozen=True)
class Row:
    """The captions of a picture, best first, with scores by name. A skipped picture has a reason and no captions."""

    id: str
    order: int = 0
    captions: list[str] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    skipped: str = ""
    picture: list[str] = field(default_factory=list)
    """state of the picture's file and digest of its content, as they were captioned"""
    anew: bool = False
    """the row takes the place of an earlier one, whose picture was another"""
    under: int = 0
    """captions that were left out, since their reward is under --least-score"""
    shortened: int = 0
    """captions of the row from which --drop-phrases removed a phrase"""
    cut: int = 0
    """captions of the row that the length limit ended"""
    kind: str = "picture"
    """what was skipped: a picture, or another part of the input, such as a file"""
    made: int = 0
    """time of the captioning in nanoseconds, so that the last row of a picture counts in whichever journal it is"""
    raw: list[Any] = field(default_factory=list)
    """records that OUT had before the first call, to be written as they were"""


class Work:
    """The work folder of the output `out`."""

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, out.with_name(out.name + ".work")

    def begin(self, settings: Mapping[str, Any], any_settings: bool) -> None:
        """Makes the folder, or checks that an existing one has the same settings.

        Raises ValueError for other settings, unless `any_settings`: the recorded ones then stay.
        """
        if not self.begun:
            return write_json(self.folder / SETTINGS, settings)
        if not any_settings:
            self.refuse_other(settings)

    def refuse_other(self, settings: Mapping[str, Any], unknown: str = "") -> None:
        """Raises ValueError when an earlier call has made the folder with other settings.

        The setting `unknown` is not compared.
        """
        before = self.settings() if self.begun else settings
        names = [name for name in {**settings, **before} if name != unknown]
        changed = [name for name in names if settings.get(name) != before.get(name)]
        if changed:
            changes = ", ".join(f"{name} {before.get(name)!r}, now {settings.get(name)!r}" for name in changed)
            raise ValueError(
                f"{self.out} was begun with {changes}; give another --out, delete {self.folder}, "
                "or type --skip-done to keep its captions"
            )

    @property
    def begun(self) -> bool:
        """Whether an earlier call has made the folder."""
        return (self.folder / SETTINGS).is_file()

    def settings(self) -> dict[str, Any]:
        """The recorded settings. Raises ValueError without a work folder."""
        path = self.folder / SETTINGS
        if not path.is_file():
            raise ValueError(f"{self.out} cannot be merged: {path} does not exist; give the --out of an earlier call")
        return json.loads(path.read_text(encoding="utf-8"))

    def journals(self) -> list[Path]:
        """The journals, oldest first."""
        return sorted(self.folder.glob("*.jsonl"), key=lambda path: (path.stem != BEFORE, path.stat().st_mtime_ns))

    def rows(self) -> Rows:
        """The captions of all journals."""
        return Rows(self.journals())

    def keep(self, before: Sequence[Row]) -> None:
        """Records captions that OUT had before the first call. They come before all others."""
        rows = [replace(row, order=i - len(before)) for i, row in enumerate(before)]
        write(self.folder / f"{BEFORE}.jsonl", "".join(map(line, rows)))

    @contextmanager
    def journal(self, share: Share) -> Iterator[IO[str]]:
        """Opens the journal of a process for appending, without a last line that a kill cut short.

        Raises ValueError when another process has the journal open.
        """
        path = self.folder / f"{share}.jsonl"
        with path.open("a+", encoding="utf-8", errors=SURROGATES) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"another process is writing {path}; wait, or give another --shard") from None
            os.truncate(path, max((at + len(raw) for at, raw in whole_lines(path)), default=0))
            self.marker(share).unlink(missing_ok=True)
            yield file

    def marker(self, share: Share) -> Path:
        """The file that exists once the process has finished."""
        return self.folder / f"{share}.done"

    def lacking(self, count: int) -> list[str]:
        """The processes of `count` that have not finished."""
        shares = (Share(index, count) for index in range(1, count + 1))
        return [str(share) for share in shares if not self.marker(share).is_file()]

    def refuse_unfinished(self) -> None:
        """Raises ValueError unless all processes of one call have finished."""
        counts = {int(path.stem.rpartition("-")[2]) for path in self.folder.glob("*-of-*.jsonl")}
        lacking = {count: self.lacking(count) for count in sorted(counts)}
        if all(lacking.values()):
            names = " or ".join(", ".join(shares) for shares in lacking.values()) or "the first process"
            raise ValueError(f"cannot merge {self.out} yet; share {names} has not finished; run it again, then --merge")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lets one process at a time read and write the output."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Rows:
    """The last row of each picture, in the order of the input. Rows are read from the journals on demand."""

    def __init__(self, journals: Iterable[Path]) -> None:
        self.journals = list(journals)
        self.places: dict[str, tuple[int, int, int]] = {}  # order, file, byte
        self.skipped: dict[str, str] = {}
        self.others: dict[str, str] = {}
        """kind of what was skipped and is no picture, by id"""
        self.twice: set[str] = set()
        """ids that occur in two parts of the input"""
        self.under: dict[str, int] = {}
        """captions that were left out for their reward, by id"""
        self.blank: dict[str, str] = {}
        """why a caption says nothing, by id"""
        self.empty: set[str] = set()
        """ids whose captions were all left out for their reward"""
        self.made: dict[str, int] = {}
        """time of the row that counts, by id"""
        for number, path in enumerate(self.journals):
            for at, raw in whole_lines(path):
                self.note(json.loads(raw), number, at)

    def note(self, row: dict[str, Any], file: int, at: int) -> None:
        """Records the place of a row: number of the journal, and first byte."""
        name, made = row["id"], row.get("made", 0)
        if not row["skipped"] and name in self:
            parts = {self.part(name), part_of(row["order"])}
            if len(parts) == 2 and KEPT not in parts:
                self.twice.add(name)
        if made < self.made.get(name, 0):
            return  # an older row in a journal that another row made younger
        if row["skipped"]:
            if row.get("anew"):
                self.made[name] = made
                self.places.pop(name, None)
            if name not in self.places:
                self.skipped[name] = row["skipped"]
                self.others |= {} if row.get("kind", "picture") == "picture" else {name: row["kind"]}
        else:
            self.skipped.pop(name, None)
            self.made[name] = made
            self.places[name] = row["order"], file, at
            self.under.pop(name, None)
            self.blank.pop(name, None)
            self.empty.discard(name)
            if faults := [fault for text in row["captions"] if (fault := wordless(text))]:
                self.blank[name] = faults[0]
            if number := row.get("under"):
                self.under[name] = number
                self.empty |= set() if row["captions"] else {name}

    @property
    def skipped_pictures(self) -> dict[str, str]:
        """Id -> why a picture was skipped."""
        return {name: reason for name, reason in self.skipped.items() if name not in self.others}

    def written(self) -> Rows:
        """The rows with a caption, which the output has."""
        rows = Rows(())
        rows.journals, rows.skipped, rows.others = self.journals, self.skipped, self.others
        rows.places = {name: place for name, place in self.places.items() if name not in self.empty}
        return rows

    def sort(self, names: Iterable[str]) -> set[str]:
        """Puts the rows in the order of the input's names, and returns the names that the input has no longer.

        The rows of these come last. Captions that OUT had before the first call may be of any picture: they stay first.
        """
        order = {name: number for number, name in enumerate(names)}
        later = {name for name, place in self.places.items() if name not in order and place[0] >= 0}
        for name, (before, file, at) in self.places.items():
            self.places[name] = order.get(name, len(order) if name in later else before), file, at
        return later

    def part(self, name: str) -> int:
        """The number of the input's part that has the picture."""
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
    """The number of the input's part for a place in the order."""
    return max(order // PART, KEPT)


def line(row: Row) -> str:
    """A row as a line of a journal."""
    return json.dumps(asdict(row), ensure_ascii=False) + "\n"


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yields the first byte and the content of each finished line. The last line may be half written."""
    at = 0
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n"):
                yield at, raw
            at += len(raw)
