"""A run's state on disk: safetensors and JSON, whole or not at all (metric.storage.checkpoint_folders has the layout).

What is in a checkpoint: the model with its vocabulary, the optimizer, the gradient scaler, the position. What need not
be: the learning rate, a batch and every random number are functions of the seed and the step's number; what rewards
remember is the same to the bit when it is computed again (metric.runtime.fixed_batches); the watch's history is
metrics.jsonl, cut to the position. So a resumed run is the unbroken one, to the bit.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import torch

from captioner.model import pretrained
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder, read_json
from metric.storage import checkpoint_folders
from metric.storage.atomic_files import keep_rows, replaced, settle, write_json
from metric.storage.checkpoint_folders import POSITION, Position
from metric.storage.tensors import load_optimizer, save_optimizer

OPTIMIZER, SCALER = "optimizer.safetensors", "scaler.json"
NEEDED = (POSITION, pretrained.CONFIG, pretrained.WEIGHTS, OPTIMIZER)


def save(
    out: Path,
    captioner: Captioner,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    position: Position,
    keep: int = 1,
) -> None:
    """checkpoints/last, replaced in one step, with `keep` - 1 of those before it."""
    with checkpoint_folders.put(out, position, keep) as new:
        write_model(new, RunFolder(out), captioner)
        save_optimizer(optimizer, new / OPTIMIZER)
        write_json(new / SCALER, scaler.state_dict())


def save_model(place: Path, captioner: Captioner, at: Position) -> None:
    """A model in `place`, a folder of the run's checkpoints: whole or not at all."""
    with replaced(place) as new:
        write_model(new, RunFolder(place.parents[1]), captioner)
        write_json(new / POSITION, asdict(at))


def write_model(folder: Path, run: RunFolder, captioner: Captioner) -> None:
    """Settings and signature go where the model goes."""
    shutil.copyfile(run.config_file, folder / pretrained.RUN)  # config.json is the model's own
    captioner.save_pretrained(folder)


def position(out: Path) -> Position | None:
    """Where the run that is to go on stands; None when it has no checkpoint yet."""
    for kept in RunFolder(out).checkpoints.glob(".old-*"):
        settle(kept.with_name(kept.name.removeprefix(".old-")))
    return checkpoint_folders.reached(out, resuming(out), *NEEDED)


def resuming(out: Path) -> str:
    """What to type for a run to go on."""
    return f"captioner train --out {out} --resume"


def restore_optimizer(out: Path, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
    load_optimizer(optimizer, RunFolder(out).last / OPTIMIZER)
    if scaler.is_enabled():
        scaler.load_state_dict(read_json(RunFolder(out).last / SCALER))


def trim(path: Path, reached: Position, stages: list[str]) -> None:
    """Drop lines of metrics.jsonl that the checkpoint has not seen, so that none is written twice.

    At step 0 there is no checkpoint, and every line, that of the evaluation at step 0 too, is written again.
    """
    here = (stages.index(reached.stage), reached.step)
    keep_rows(path, lambda row: reached.step > 0 and (stages.index(row["stage"]), row["step"]) <= here)
