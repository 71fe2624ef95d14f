"""What a run that trains a CLIP leaves behind: its last checkpoint, the best weights, and the way back to both."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from metric.config import MetricConfig, PretrainConfig
from metric.processes import rank, wait
from metric.state import load_optimizer, save_optimizer

Config = PretrainConfig | MetricConfig
LAST, OLD = Path("checkpoints") / "last", Path("checkpoints") / ".old"
BEST = Path("checkpoints") / "best.safetensors"


@dataclass
class Patience:
    """Early stopping: how many validations in a row brought no lower loss, of `limit`; 0 waits for ever."""

    limit: int
    best: float = sys.float_info.max
    waited: int = 0

    def improved(self, loss: float) -> bool:
        better = loss < self.best
        self.best, self.waited = (loss, 0) if better else (self.best, self.waited + 1)
        return better

    @property
    def exhausted(self) -> bool:
        return 0 < self.limit <= self.waited


@dataclass
class Training:
    """All of a run that moves: what a checkpoint holds."""

    model: nn.Module
    descent: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    patience: Patience


def begin(run: Training, config: Config, out: Path, resume: bool) -> int:
    """The step to begin with. The first process prepares the folder, the others wait for it."""
    if resume and rank() == 0:
        settle(out)
    if not resume and (out / LAST).exists():
        raise ValueError(f"{out} holds a run: --resume goes on with it, another --out starts anew")
    wait()
    step = restore(run, config, out) if resume else 0
    if rank() == 0:
        cut_log(out, step) if resume else start(config, out)
    wait()
    return step


def start(config: Config, out: Path) -> None:
    """An empty run folder: the log of an earlier run is not continued."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.jsonl").unlink(missing_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def moving(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: the trained parameters and the buffers."""
    trained = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
    return {**trained, **dict(model.named_buffers())}


def save_moving(model: nn.Module, path: Path) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".partial")
    save_file({name: tensor.contiguous() for name, tensor in moving(model).items()}, beside)
    os.replace(beside, path)


def load_moving(model: nn.Module, path: Path) -> None:
    weights = load_file(path)
    for name, tensor in moving(model).items():
        tensor.copy_(weights[name])


def save(run: Training, config: Config, step: int, out: Path) -> None:
    """checkpoints/last appears whole or not at all."""
    last, new, old = out / LAST, out / "checkpoints" / ".new", out / OLD
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_moving(run.model, new / "weights.safetensors")
    save_optimizer(run.descent, new / "optimizer.safetensors")
    patience = {"best": run.patience.best, "waited": run.patience.waited}
    state = {"step": step, "config": asdict(config), "scaler": run.scaler.state_dict(), "patience": patience}
    (new / "state.json").write_text(json.dumps(state, indent=2) + "\n")
    shutil.rmtree(old, ignore_errors=True)
    if last.exists():
        os.replace(last, old)
    os.replace(new, last)
    shutil.rmtree(old, ignore_errors=True)


def settle(out: Path) -> None:
    """Undo what a kill between the two renames of `save` left."""
    if (out / OLD).exists() and not (out / LAST).exists():
        os.replace(out / OLD, out / LAST)


def restore(run: Training, config: Config, out: Path) -> int:
    """The step to go on with."""
    last = out / LAST
    if not last.exists():
        raise ValueError(f"{out} has no checkpoint: there is nothing to resume; leave --resume out")
    state = json.loads((last / "state.json").read_text())
    changed = [name for name, value in asdict(config).items() if state["config"].get(name) != value]
    if changed:
        before = ", ".join(f"{name} {state['config'].get(name)!r}" for name in changed)
        raise ValueError(f"{out} was begun with {before}: resume with the same or choose another --out")
    load_moving(run.model, last / "weights.safetensors")
    load_optimizer(run.descent, last / "optimizer.safetensors")
    run.scaler.load_state_dict(state["scaler"])
    run.patience.best, run.patience.waited = state["patience"]["best"], state["patience"]["waited"]
    return int(state["step"])


def cut_log(out: Path, step: int) -> None:
    """Drop the lines that the checkpoint has not seen."""
    lines = (out / "metrics.jsonl").read_text().splitlines(keepends=True)
    (out / "metrics.jsonl").write_text("".join(lines[:step]))
