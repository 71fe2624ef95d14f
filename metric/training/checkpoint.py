"""The files of a run that trains a CLIP: its last checkpoint and the best weights, and how they are loaded again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from metric.runtime.console import say
from metric.runtime.processes import rank, wait
from metric.storage import checkpoint_folders
from metric.storage.atomic_files import keep_rows, refuse_foreign, refuse_unwritable, whole_file, write_json
from metric.storage.checkpoint_folders import Position
from metric.storage.run_files import CHECKPOINTS, CONFIG, LAST, METRICS
from metric.storage.tensors import load_optimizer, save_optimizer
from metric.training.config import MetricConfig, PretrainConfig

Config = PretrainConfig | MetricConfig
RESUME = "the same command with --resume"
NEEDED = ("state.json", "weights.safetensors", "optimizer.safetensors")
BEST = Path(CHECKPOINTS) / "best.safetensors"


@dataclass
class Patience:
    """Early stopping after `limit` validations in a row without a lower loss; limit 0 never stops training."""

    limit: int
    best: float = sys.float_info.max
    waited: int = 0
    at: int = 0
    """the step of the lowest loss, 0 before any step"""

    def improved(self, loss: float, step: int) -> bool:
        better = loss < self.best
        self.best, self.waited, self.at = (loss, 0, step) if better else (self.best, self.waited + 1, self.at)
        return better

    @property
    def exhausted(self) -> bool:
        return 0 < self.limit <= self.waited


@dataclass
class Training:
    """The parts of a run that change while it trains. A checkpoint holds them."""

    model: nn.Module
    descent: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    patience: Patience


def begin(run: Training, config: Config, out: Path, resume: bool) -> int:
    """The number of steps that are done. The first process prepares the folder, and the others wait."""
    if resume and rank() == 0:
        checkpoint_folders.reached(out, RESUME, *NEEDED)
    refuse_place(out, resume)
    wait()
    step = restore(run, config, out) if resume else 0
    if rank() == 0:
        keep_rows(out / METRICS, lambda row: row["step"] <= step) if step else start(config, out)
    wait()
    return step


def refuse_place(out: Path, resume: bool) -> None:
    """Raises ValueError for a folder that cannot be written, holds a run already, or holds none to resume."""
    refuse_foreign(out)
    refuse_unwritable(out)
    if not resume and checkpoint_folders.newest(out):
        raise ValueError(f"{out} holds a run; type --resume to go on with it, or another --out to start anew")
    if resume and not (out / LAST).exists() and not (out / CONFIG).exists():
        raise ValueError(f"{out} holds no run to resume; leave --resume out")


def start(config: Config, out: Path) -> None:
    """Begin a run folder with its settings and without the log of an earlier run."""
    out.mkdir(parents=True, exist_ok=True)
    (out / METRICS).unlink(missing_ok=True)
    write_json(out / CONFIG, asdict(config))


def moving(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that training changes: the trained parameters and the buffers."""
    trained = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
    return {**trained, **dict(model.named_buffers())}


def save_moving(model: nn.Module, path: Path) -> None:
    with whole_file(path) as new:
        save_file({name: tensor.contiguous() for name, tensor in moving(model).items()}, new)


def load_moving(model: nn.Module, path: Path) -> None:
    weights = load_file(path)
    for name, tensor in moving(model).items():
        tensor.copy_(weights[name])


def save(run: Training, config: Config, step: int, out: Path) -> None:
    """Write checkpoints/last, replaced in one step. `config.keep` - 1 earlier checkpoints stay."""
    with checkpoint_folders.new_checkpoint(out, Position("step", step), config.keep) as new:
        save_moving(run.model, new / "weights.safetensors")
        save_optimizer(run.descent, new / "optimizer.safetensors")
        patience = {"best": run.patience.best, "waited": run.patience.waited, "at": run.patience.at}
        state = {"step": step, "config": asdict(config), "scaler": run.scaler.state_dict(), "patience": patience}
        write_json(new / "state.json", state)


def restore(run: Training, config: Config, out: Path) -> int:
    """Load the last checkpoint. -> the step to go on with, 0 for a run that was killed before its first checkpoint."""
    folder = out / LAST
    if not folder.exists():
        refuse_changed(config, json.loads((out / CONFIG).read_text()), out)
        return 0
    state = json.loads((folder / "state.json").read_text())
    refuse_changed(config, state["config"], out)
    if note := checkpoint_folders.other_processes(out):
        say(note)
    load_moving(run.model, folder / "weights.safetensors")
    load_optimizer(run.descent, folder / "optimizer.safetensors")
    run.scaler.load_state_dict(state["scaler"])
    run.patience = Patience(run.patience.limit, **state["patience"])
    return int(state["step"])


def refuse_changed(config: Config, before: dict[str, Any], out: Path) -> None:
    """Raises ValueError when the settings differ from those at the run's beginning.

    A setting that is newer than the run had its default.
    """
    before = {**asdict(type(config)()), **before}
    changed = [name for name, value in asdict(config).items() if before[name] != value]
    if changed:
        differences = ", ".join(f"{name} {before[name]!r}" for name in changed)
        raise ValueError(f"{out} was begun with {differences}; resume with the same settings or choose another --out")
