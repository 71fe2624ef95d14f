"""The ledger: what a command read and did not use, with the reason.

An adapter or a step of work collects entries in a `Ledger` of its own and reports the ledger when it is done. `report`
prints a line a reason, and adds the entries to the ledger that the command has opened with `kept`. At the end of the
command that ledger is a file beside the output: LEFT_OUT in a folder, `FILE.left-out.jsonl` beside a file.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from metric.runtime.console import is_first
from metric.storage.atomic_files import write

LOG = logging.getLogger(__name__)
LEFT_OUT = "left-out.jsonl"  # in the folder of an output, and the ending beside a file


@dataclass(frozen=True)
class Entry:
    """One thing that was left out."""

    source: str
    """the data set, file or folder that was read"""
    kind: str
    """picture, caption, shard, video, row: a noun that takes an s"""
    id: str
    reason: str

    @property
    def group(self) -> tuple[str, str, str]:
        """Entries of one group share a line: reasons that differ in their numbers alone are one."""
        return self.source, self.kind, re.sub(r"\d+", "N", self.reason)


class Ledger:
    """What was left out: each entry with the number of times that it came, as of two blank captions of a picture."""

    def __init__(self) -> None:
        self.counts: dict[Entry, int] = {}

    def add(self, source: str, kind: str, id: str, reason: str) -> None:
        entry = Entry(source, kind, id, reason)
        self.counts[entry] = self.counts.get(entry, 0) + 1

    def take(self, other: Ledger) -> Ledger:
        """Adds the entries of another ledger, and returns those that were not there. A second reading counts once."""
        new = Ledger()
        for entry, count in other.counts.items():
            if entry not in self.counts:
                new.counts[entry] = count
            self.counts[entry] = max(count, self.counts.get(entry, 0))
        return new

    def __len__(self) -> int:
        return sum(self.counts.values())

    def of(self, source: str) -> Ledger:
        """The same entries under the name of a source."""
        named = Ledger()
        named.counts = {replace(entry, source=source): count for entry, count in self.counts.items()}
        return named

    def lines(self) -> list[str]:
        """`photos.csv: 12 pictures left out: no such file, the first a.jpg`, a line a reason."""
        groups: dict[tuple[str, str, str], list[Entry]] = {}
        for entry in self.counts:
            groups.setdefault(entry.group, []).append(entry)
        return [self.line(entries) for entries in groups.values()]

    def line(self, entries: Sequence[Entry]) -> str:
        """The line of one group. A source without a name is not printed."""
        first, count = entries[0], sum(self.counts[entry] for entry in entries)
        reason = first.reason if len({entry.reason for entry in entries}) == 1 else first.group[2]
        source = f"{first.source}: " if first.source else ""
        return f"{source}{count:,} {first.kind}{'s' * (count > 1)} left out: {reason}, the first {first.id}"

    def write(self, place: Path) -> None:
        """A row an entry as JSONL. No file is left when nothing was left out."""
        place.unlink(missing_ok=True)
        if self.counts:
            rows = [asdict(entry) | ({"count": count} if count > 1 else {}) for entry, count in self.counts.items()]
            write(place, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


OPEN: list[Ledger] = []  # the ledgers of the commands and functions that are at work, innermost last


@contextmanager
def kept(place: Path | None) -> Iterator[Ledger]:
    """A ledger for what is reported in the block. It is written to `place` at the end, also at an interrupt.

    An error in the block leaves the file of an earlier call as it is. The ledger around this one gets all entries.
    """
    ledger = Ledger()
    OPEN.append(ledger)
    try:
        yield ledger
    except KeyboardInterrupt:
        keep(ledger, place)
        raise
    finally:
        OPEN.remove(ledger)
        if OPEN:
            OPEN[-1].take(ledger)
    keep(ledger, place)


def keep(ledger: Ledger, place: Path | None) -> None:
    if place is not None and place.parent.is_dir() and is_first():
        ledger.write(place)


def report(found: Ledger) -> None:
    """Prints a line a reason, and adds the entries to the open ledger. What was reported before is not told again."""
    new = record(found)
    if is_first():
        for line in new.lines():
            LOG.warning("captioner: %s", line)


def record(found: Ledger) -> Ledger:
    """Adds entries to the open ledger, without a line on the screen. Returns the entries that are new there."""
    return OPEN[-1].take(found) if OPEN else found


def report_all(source: str, reasons: Mapping[str, str], kind: str = "picture") -> None:
    """Reports the things of a mapping from id to reason."""
    found = Ledger()
    for name, reason in reasons.items():
        found.add(source, kind, name, reason)
    report(found)


def beside(out: Path) -> Path:
    """The place of the ledger of an output that is a file, or a folder that other programs read."""
    return out.with_name(f"{out.name}.{LEFT_OUT}")
