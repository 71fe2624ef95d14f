"""The checkpoints of a run, of a captioner and of a CLIP alike.

checkpoints/last             where --resume goes on
checkpoints/xe-001500 ...    earlier checkpoints, named by stage and step
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

from metric.runtime.interrupts import Interrupted
from metric.runtime.processes import world
from metric.storage.atomic_files import beside, fault, no_room, replaced, settle, sync, write_json
from metric.storage.run_files import CHECKPOINTS, LAST, METRICS

POSITION = "position.json"
FORMAT = 2  # of position.json; format 1 had neither its number nor the number of processes
STAGES = ("step", "xe", "reward")  # in the order of a run; the training of a CLIP has the stage "step" alone
EARLIER = re.compile(rf"({'|'.join(STAGES)})-(\d+)")


@dataclass(frozen=True)
class Position:
    """A stage of a run and the number of its steps that are done."""

    stage: str
    step: int

    @property
    def name(self) -> str:
        return f"{self.stage}-{self.step:06d}"


@contextmanager
def new_checkpoint(out: Path, at: Position, keep: int) -> Iterator[Path]:
    """An empty folder to write into, which then becomes checkpoints/last. `keep` - 1 earlier checkpoints stay."""

    def retire(old: Path) -> None:
        place = old.with_name(position(old).name)
        shutil.rmtree(place, ignore_errors=True)
        old.rename(place)

    if (out / METRICS).exists():
        sync(out / METRICS)  # the log of the steps before the checkpoint survives a failure of the machine
    with replaced(out / LAST, retire) as new:
        yield new
        write_json(new / POSITION, {**asdict(at), "format": FORMAT, "processes": world()})
    for old in earlier(out)[keep - 1 :]:
        shutil.rmtree(old)


def recorded(folder: Path) -> dict[str, Any]:
    """The content of position.json. Checkpoints of format 1 of a CLIP have none."""
    path = folder / POSITION
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"stage": "step", "step": 0, "format": 1}


def position(folder: Path) -> Position:
    """The stage and step of a checkpoint."""
    content = recorded(folder)
    return Position(content["stage"], content["step"])


def earlier(out: Path) -> list[Path]:
    """The checkpoints before checkpoints/last, newest first."""
    folders = [path for path in (out / CHECKPOINTS).glob("*-*") if EARLIER.fullmatch(path.name)]
    return sorted(folders, key=order, reverse=True)


def order(folder: Path) -> tuple[int, int]:
    stage, step = folder.name.split("-")
    return STAGES.index(stage), int(step)


def newest(out: Path) -> Path | None:
    """The newest checkpoint of a run, or None. Nothing is moved, because the run may be training."""
    places = [out / LAST, beside(out / LAST, "old"), *earlier(out)]
    return next((place for place in places if place.is_dir()), None)


def reached(out: Path, resume: str, *needed: str) -> Position | None:
    """The position of checkpoints/last, which --resume continues. None when the run has no checkpoint yet.

    When checkpoints/last is gone, the newest earlier checkpoint takes its place. ValueError for a checkpoint that lacks
    a `needed` file or is damaged. `resume` is the command that continues the run, for the message.
    """
    last = out / LAST
    settle(last)
    if not last.exists():
        for other in earlier(out)[:1]:
            other.rename(last)
    if not last.exists():
        return None
    if why := fault(last, *needed):
        others = earlier(out)
        then = f"goes on from {others[0].name}" if others else "begins again: there is no other checkpoint"
        raise ValueError(f"{why}: type rm -r {last}, then {resume} {then}")
    refuse_newer(last)
    return position(last)


def refuse_newer(folder: Path) -> None:
    """ValueError for a checkpoint of a later version than this one."""
    version = recorded(folder).get("format", 1)
    if version > FORMAT:
        raise ValueError(
            f"{folder} has format {version}, this version reads formats up to {FORMAT}; type pip install -U captioner"
        )


def other_processes(out: Path) -> str:
    """A note about a run that another number of processes resumes, "" for the same number."""
    before = recorded(out / LAST).get("processes", 1)
    if before == world():
        return ""
    return (
        f"{out} was saved by {before} process{'es' * (before > 1)} and goes on with {world()}. "
        "The batch stays the same. Sums have another order, so that the last bits differ from those of an unbroken run."
    )


class NotFinite(ValueError):
    """A loss or a gradient is no finite number. The run ends."""


@contextmanager
def saved_whole(out: Path, resume: str) -> Iterator[None]:
    """Name the last good checkpoint where a full disk, a loss that is no number or a second Ctrl-C ends a run."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{last_good_state(out)}; {resume} goes on from there") from None
    except NotFinite as error:
        raise ValueError(f"{error}; {last_good_state(out)}") from None
    except (OSError, SafetensorError) as error:
        why = no_room(error)
        if not why:
            raise
        raise ValueError(
            f"{why} and {out} cannot be written; {last_good_state(out)}: make room, then {resume} goes on"
        ) from None


def last_good_state(out: Path) -> str:
    """The checkpoint that is left of a run that ended, as part of a message."""
    last = newest(out)
    return f"{last}, of {position(last).name}, is the last good state" if last else "it had no checkpoint yet"
