"""The state of a run as its files tell it: place, curves, latest captions. The run may be training meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captioner.config import Run, from_dict
from captioner.runs.folder import STAGES, RunFolder, read_rows
from captioner.runs.labels import label
from captioner.runs.reached import SHOWN, place, unfinished
from metric.runtime.progress import duration
from metric.scores.catalogue import SCORES
from metric.storage.run_files import REPORT

Curve = list[tuple[float, float]]
# numbers of the log that are shown, with their titles; a stage has some of them
TITLES = {
    "reward": "reward",
    "loss": "loss",
    "val_loss": "loss, validation",
    "val/reward": "reward, validation",
    **{f"val/{name}": f"{SCORES[name].printed}, validation" for name in SHOWN},
    "val/kl": "KL, validation",
}


@dataclass(frozen=True)
class State:
    """What a frame shows of a run."""

    title: str
    """the folder, and for a captioner its rewards"""
    place: str
    """`reward step 60 of 300, last written 4 s ago`, `finished: ...`, or that no step is done"""
    finished: bool = False
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """title -> points (step, number) of the stage in progress"""
    captions: Mapping[str, str] = field(default_factory=dict)
    """id -> the latest caption of a validation picture"""
    captioned_at: str = ""
    """stage and step of the captions"""
    alarms: Sequence[str] = ()
    """lines of the reward watch, and cautions about the settings"""


def state_of(path: Path) -> State:
    """The state of a run of `captioner train` or of `captioner metric train`.

    A last line of the log that is not whole yet is left for the next look. Raises ValueError for a folder that is no
    run, and for a broken log.
    """
    folder = RunFolder(path)
    config = folder.config
    rows = list(read_rows(folder.metrics_file, whole=False)) if folder.metrics_file.is_file() else []
    described = of_captioner if config.keys() >= STAGES else of_metric
    title, steps, finished = described(path, config, rows)
    if not rows:
        return State(title, "no step is done yet")
    return State(
        title,
        f"finished: {steps}" if finished else f"{steps}, last written {age(folder.metrics_file)} ago",
        finished,
        curves(rows),
        *latest_captions(rows),
        [line for row in rows for name in ("cautions", "watch") for line in row.get(name, ())],
    )


def of_captioner(path: Path, config: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[str, str, bool]:
    """Title, place, and whether the run is finished. The last row of a finished run is that of a validation."""
    run = from_dict(Run, config)
    title = f"{path}: {label(run.reward_specs)}"
    if not rows:
        return title, "", False
    stage, step = rows[-1]["stage"], rows[-1]["step"]
    validated = any(name.startswith("val/") for name in rows[-1])
    return title, place(run, stage, step), validated and not unfinished(run, rows, stage, step)


def of_metric(path: Path, config: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[str, str, bool]:
    """Title, place, and whether the training of a CLIP is finished, which its report shows."""
    step = rows[-1]["step"] if rows else 0
    return f"{path}: training of a CLIP", f"step {step} of {config.get('steps', '?')}", (path / REPORT).is_file()


def age(file: Path) -> str:
    return duration(max(0.0, time.time() - file.stat().st_mtime))


def curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Title -> points of the stage of the last row, for the numbers of TITLES that the stage has."""
    stage = rows[-1].get("stage")
    own = [row for row in rows if row.get("stage") == stage]
    found = {
        title: [(row["step"], row[name]) for row in own if isinstance(row.get(name), (int, float))]
        for name, title in TITLES.items()
    }
    return {title: points for title, points in found.items() if points}


def latest_captions(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, str], str]:
    """The captions of the last validation, and its stage and step."""
    row = next((row for row in reversed(rows) if row.get("captions")), None)
    return ({}, "") if row is None else (row["captions"], f"{row['stage']} step {row['step']}")
