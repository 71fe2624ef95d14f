"""checkpoints/last, the few before it, and what may be asked of them: of a captioner's run and of a CLIP's alike.

checkpoints/last             where --resume goes on
checkpoints/xe-001500 ...    those before it, named by where they were saved
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from metric.runtime.processes import world
from metric.storage.atomic_files import beside, fault, no_room, replaced, settle, sync, write_json
from metric.storage.run_files import CHECKPOINTS, LAST, METRICS

POSITION = "position.json"
FORMAT = 2  # of checkpoints; 1 did not say its format, nor the number of processes
STAGES = ("step", "xe", "reward")  # in the order in which a run has them; a CLIP's has steps alone
KEPT = re.compile(rf"({'|'.join(STAGES)})-(\d+)")


@dataclass(frozen=True)
class Position:
    """The stage and how many of its steps are done."""

    stage: str
    step: int

    @property
    def name(self) -> str:
        return f"{self.stage}-{self.step:06d}"


@contextmanager
def put(out: Path, at: Position, keep: int) -> Iterator[Path]:
    """A folder to write into, which then is checkpoints/last; of those before it, `keep` - 1 stay."""

    def retire(old: Path) -> None:
        place = old.with_name(position(old).name)
        shutil.rmtree(place, ignore_errors=True)
        old.rename(place)

    if (out / METRICS).exists():
        sync(out / METRICS)  # whatever the checkpoint has seen is in the log, should the machine fail
    with replaced(out / LAST, retire) as new:
        yield new
        write_json(new / POSITION, {**asdict(at), "format": FORMAT, "processes": world()})
    for old in kept(out)[keep - 1 :]:
        shutil.rmtree(old)


def recorded(folder: Path) -> dict[str, Any]:
    path = folder / POSITION
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"stage": "step", "step": 0, "format": 1}


def position(folder: Path) -> Position:
    said = recorded(folder)
    return Position(said["stage"], said["step"])


def kept(out: Path) -> list[Path]:
    """The folders beside the last one that a run can be resumed from, newest first."""
    found = [path for path in (out / CHECKPOINTS).glob("*-*") if KEPT.fullmatch(path.name)]
    return sorted(found, key=order, reverse=True)


def order(folder: Path) -> tuple[int, int]:
    stage, step = folder.name.split("-")
    return STAGES.index(stage), int(step)


def newest(out: Path) -> Path | None:
    """The last checkpoint wherever it is, in a run that may be alive: nothing is moved."""
    places = [out / LAST, beside(out / LAST, "old"), *kept(out)]
    return next((place for place in places if place.is_dir()), None)


def reached(out: Path, resume: str, *needed: str) -> Position | None:
    """Where the run that is to go on stands; None when it has no checkpoint yet.

    When the last one is gone, the newest of the others takes its place. ValueError for one that cannot be read;
    `resume` is what to type to go on.
    """
    last = out / LAST
    settle(last)
    if not last.exists():
        for other in kept(out)[:1]:
            other.rename(last)
    if not last.exists():
        return None
    if why := fault(last, *needed):
        others = kept(out)
        told = f"goes on from {others[0].name}" if others else "begins again: there is no other checkpoint"
        raise ValueError(f"{why}: type rm -r {last}, then {resume} {told}")
    refuse_newer(last)
    return position(last)


def refuse_newer(folder: Path) -> None:
    """ValueError for a checkpoint whose layout is of a later version than this one."""
    found = recorded(folder).get("format", 1)
    if found > FORMAT:
        raise ValueError(
            f"{folder} has format {found}, of a newer version; this one reads up to {FORMAT}: pip install -U captioner"
        )


def other_processes(out: Path) -> str:
    """What changes when a run is resumed by another number of processes; "" when nothing does."""
    before = recorded(out / LAST).get("processes", 1)
    if before == world():
        return ""
    return (
        f"{out} was saved by {before} process{'es' * (before > 1)} and goes on with {world()}: the batch stays what it "
        f"is, each does 1/{world()} of it; sums are taken in another order, so the last bits are not the unbroken run's"
    )


class NotFinite(ValueError):
    """A loss or a gradient that is no number, at which a run ends."""


@contextmanager
def saved_whole(out: Path, resume: str) -> Iterator[None]:
    """When a run ends because its disk is full or its loss is no number, a ValueError that says what is safe too."""
    try:
        yield
    except NotFinite as error:
        raise ValueError(f"{error}; {safe(out)}") from None
    except (OSError, SafetensorError) as error:
        why = no_room(error)
        if not why:
            raise
        raise ValueError(f"{why} and {out} cannot be written; {safe(out)}: make room, then {resume} goes on") from None


def safe(out: Path) -> str:
    """What is left of a run that ended."""
    last = newest(out)
    return f"{last}, of {position(last).name}, is the last good state" if last else "it had no checkpoint yet"
