"""The checkpoints of a captioner: safetensors and JSON in the layout of metric.storage.checkpoint_folders.

A checkpoint holds the model with its vocabulary, the optimizer, the gradient scaler and the position. It does not hold:

- the learning rate, batches and random numbers, which are functions of the seed and the number of the step
- the embeddings that rewards remember, which are the same to the bit when computed again (metric.runtime.fixed_batches)
- the history of the reward watch, which is metrics.jsonl up to the position

A resumed run equals the unbroken run to the bit.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import torch

from captioner.model import pretrained
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder, read_json, resuming
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
    """Replace checkpoints/last in one step. `keep` - 1 earlier checkpoints stay."""
    with checkpoint_folders.new_checkpoint(out, position, keep) as new:
        write_model(new, RunFolder(out), captioner)
        save_optimizer(optimizer, new / OPTIMIZER)
        write_json(new / SCALER, scaler.state_dict())


def save_model(place: Path, captioner: Captioner, at: Position) -> None:
    """Write a model as the folder `place` in checkpoints/. The folder appears whole or not at all."""
    with replaced(place) as new:
        write_model(new, RunFolder(place.parents[1]), captioner)
        write_json(new / POSITION, asdict(at))


def write_model(folder: Path, run: RunFolder, captioner: Captioner) -> None:
    """Write the model and, beside it, the settings and the signature of its run."""
    shutil.copyfile(run.config_file, folder / pretrained.RUN)  # config.json is the model's own
    captioner.save_pretrained(folder)


def position(out: Path) -> Position | None:
    """The position of the last checkpoint, which --resume continues. None when the run has no checkpoint yet."""
    for old in RunFolder(out).checkpoints.glob(".old-*"):
        settle(old.with_name(old.name.removeprefix(".old-")))
    return checkpoint_folders.reached(out, resuming(out), *NEEDED)


def goes_on(out: Path) -> str:
    """How a run goes on after a reward has failed, as part of a message."""
    last = checkpoint_folders.newest(out)
    if last is None:
        return f"nothing was saved yet: repair the reward, and begin anew without {out}"
    at = checkpoint_folders.position(last)
    return f"saved after {at.stage} step {at.step}: repair the reward, then {resuming(out)} goes on"


def restore_optimizer(out: Path, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
    """Read the optimizer and the gradient scaler from the last checkpoint."""
    load_optimizer(optimizer, RunFolder(out).last / OPTIMIZER)
    if scaler.is_enabled():
        scaler.load_state_dict(read_json(RunFolder(out).last / SCALER))


def trim(path: Path, reached: Position, stages: list[str]) -> None:
    """Drop the rows of metrics.jsonl after the checkpoint, so that a resumed run writes no row twice.

    At step 0 there is no checkpoint. Then all rows are dropped, also that of the evaluation at step 0.
    """
    here = (stages.index(reached.stage), reached.step)
    keep_rows(path, lambda row: reached.step > 0 and (stages.index(row["stage"]), row["step"]) <= here)
