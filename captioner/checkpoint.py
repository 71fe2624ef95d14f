"""A run's state on disk: safetensors and JSON, whole or not at all.

The randomness of a step is a function of the seed and the step's number, so no generator needs saving: model, optimizer
and position are the whole state, and a resumed run is the unbroken one: to the bit, save for scores by a CLIP, whose
embeddings are cached and whose last bits depend on what else was in the batch.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from captioner.config import write_json
from captioner.models.captioner import Captioner
from metric.state import load_optimizer, save_optimizer

LAST, OLD, NEW, REFERENCE = (Path("checkpoints") / name for name in ("last", ".old", ".new", "reference"))


@dataclass(frozen=True)
class Position:
    """The stage and how many of its steps are done."""

    stage: str
    step: int


def save(
    out: Path,
    captioner: Captioner,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    position: Position,
) -> None:
    """checkpoints/last, replaced in one step. Settings and signature go where the model goes."""
    last, old, new = out / LAST, out / OLD, out / NEW
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    shutil.copyfile(out / "config.json", new / "run.json")  # config.json is the model's own
    captioner.save_pretrained(new)
    save_optimizer(optimizer, new / "optimizer.safetensors")
    write_json(new / "scaler.json", scaler.state_dict())
    write_json(new / "position.json", asdict(position))
    shutil.rmtree(old, ignore_errors=True)
    if last.exists():
        os.replace(last, old)
    os.replace(new, last)
    shutil.rmtree(old, ignore_errors=True)


def keep(out: Path, name: str, captioner: Captioner, at: Position) -> None:
    """checkpoints/`name`, a model beside the last: whole or not at all."""
    kept, new = out / "checkpoints" / name, out / "checkpoints" / f".new-{name}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    shutil.copyfile(out / "config.json", new / "run.json")
    captioner.save_pretrained(new)
    write_json(new / "position.json", asdict(at))
    shutil.rmtree(kept, ignore_errors=True)
    os.replace(new, kept)


def position(out: Path) -> Position | None:
    """Where the run that is to go on stands; None when it has no checkpoint yet.

    A kill between the two renames of `save` leaves the state in .old only: it is put back.
    """
    if not (out / LAST).exists() and (out / OLD).exists():
        os.replace(out / OLD, out / LAST)
    path = out / LAST / "position.json"
    return Position(**json.loads(path.read_text())) if path.is_file() else None


def restore_optimizer(out: Path, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
    load_optimizer(optimizer, out / LAST / "optimizer.safetensors")
    scaler.load_state_dict(json.loads((out / LAST / "scaler.json").read_text()))


def model_folder(name: str) -> str:
    """The model's own folder: of a run, its last checkpoint; of a model or a hub id, itself.

    Moves nothing: the run may be training, and between the two renames of `save`.
    """
    run = Path(name)
    if not (run / "checkpoints").is_dir():
        return name
    whole = [str(run / place) for place in (LAST, OLD) if (run / place).is_dir()]
    if not whole:
        raise ValueError(f"{name} is a run without a checkpoint yet; captioner train --out {name} --resume goes on")
    return whole[0]


def trim(path: Path, reached: Position, stages: list[str]) -> None:
    """Drop lines of metrics.jsonl that the checkpoint has not seen, so that none is written twice.

    At step 0 there is no checkpoint, and every line, that of the evaluation at step 0 too, is written again.
    """
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if reached.step else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the end, or the line that the kill cut short
            break
        if (stages.index(row["stage"]), row["step"]) <= (stages.index(reached.stage), reached.step):
            kept.append(line + "\n")
    beside = path.with_name(path.name + ".partial")
    beside.write_text("".join(kept), encoding="utf-8")
    os.replace(beside, path)
