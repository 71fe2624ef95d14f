"""The one loop that trains a CLIP: steps, log, checkpoints, resume. What is trained is its caller's.

A step's batch, learning rate and randomness depend on its number alone: a resumed run is the unbroken one.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from metric.config import MetricConfig, PretrainConfig
from metric.state import load_optimizer, save_optimizer

Config = PretrainConfig | MetricConfig
Loss = Callable[[int], tuple[Tensor, dict[str, Tensor]]]
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MAX_SCALE = math.log(100)  # CLIP's bound on the learned temperature (arXiv 2103.00020)
MAX_NORM = 1.0
LAST, OLD = Path("checkpoints") / "last", Path("checkpoints") / ".old"


def check(config: Config) -> None:
    if config.precision not in PRECISIONS:
        raise ValueError(f"--precision is one of {', '.join(PRECISIONS)}, got {config.precision!r}")
    if not 0 <= config.warmup < 1:
        raise ValueError(f"--warmup is a share of the run, from 0 to less than 1, got {config.warmup}")
    if config.steps < 1 or config.batch_size < 2:
        raise ValueError(
            f"--steps is at least 1 and --batch_size at least 2, got {config.steps} and {config.batch_size}"
        )


class Schedule(Protocol):
    """What a learning rate is a function of, besides the step; any of the settings classes."""

    @property
    def steps(self) -> int: ...

    @property
    def lr(self) -> float: ...

    @property
    def warmup(self) -> float: ...


def learning_rate(step: int, config: Schedule) -> float:
    """One cycle: a straight rise over the warm-up, then half a cosine down to 0. Steps count from 0."""
    rise = config.warmup * config.steps
    if step < rise:
        return config.lr * (step + 1) / (rise + 1)
    return config.lr * (1 + math.cos(math.pi * (step - rise) / (config.steps - rise))) / 2


def optimiser(model: nn.Module, config: Config) -> torch.optim.AdamW:
    """AdamW with CLIP's betas; biases, gains and the temperature do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], config.lr, (0.9, 0.98), 1e-6)


def train(
    model: nn.Module,
    loss: Loss,
    config: Config,
    out: Path,
    resume: bool = False,
    validate: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Minimise `loss(step)` over the parameters of `model` that ask for gradients, `config.steps` times.

    Writes out/metrics.jsonl, out/tensorboard and out/checkpoints/last. `validate` gives figures for the log.
    """
    device = next(model.parameters()).device
    dtype = PRECISIONS[config.precision]
    descent = optimiser(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    first = restore(model, descent, scaler, config, out) if resume else start(config, out)
    with Log(out) as log, interruptible() as stopping:
        for step in tqdm(range(first, config.steps), initial=first, total=config.steps, disable=None, leave=False):
            began = time.perf_counter()
            rate = learning_rate(step, config)
            for group in descent.param_groups:
                group["lr"] = rate
            torch.manual_seed(config.seed * 1_000_003 + step)
            with mixed(device, dtype):
                value, facts = loss(step)
            descent.zero_grad(set_to_none=True)
            scaler.scale(value).backward()
            scaler.unscale_(descent)
            trained = [parameter for group in descent.param_groups for parameter in group["params"]]
            norm = nn.utils.clip_grad_norm_(trained, MAX_NORM)
            scaler.step(descent)
            scaler.update()
            bound_scale(model)
            done = step + 1
            row = {
                "loss": value.detach(),
                **facts,
                "lr": rate,
                "grad_norm": norm,
                "seconds": time.perf_counter() - began,
            }
            if validate and config.val_every and done % config.val_every == 0 and done < config.steps:
                row |= validate()
            log.write(done, row)
            if stopping() or done == config.steps or (config.save_every and done % config.save_every == 0):
                save(model, descent, scaler, config, done, out)
            if stopping():
                sys.exit(f"stopped after step {done} of {config.steps} and saved; --resume goes on")


@contextmanager
def mixed(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Matrix products in `dtype`."""
    if dtype == torch.float32:
        yield
        return
    # flash attention's bf16 backward on a CPU costs more than all the rest of a small model
    attention = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
    with torch.autocast(device.type, dtype), attention:
        yield


def bound_scale(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if name.endswith("logit_scale") and parameter.requires_grad:
            parameter.data.clamp_(0, MAX_SCALE)


class Log:
    """metrics.jsonl, one object a step, and the same numbers for TensorBoard."""

    def __init__(self, out: Path) -> None:
        self.file = (out / "metrics.jsonl").open("a")
        self.board = SummaryWriter(str(out / "tensorboard"))

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.board.close()

    def write(self, step: int, row: dict[str, Any]) -> None:
        numbers = {name: float(value) for name, value in row.items()}
        self.file.write(json.dumps({"step": step, **numbers}) + "\n")
        self.file.flush()
        for name, value in numbers.items():
            self.board.add_scalar(name, value, step)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks the loop to stop after its step; a second one is Python's own."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def start(config: Config, out: Path) -> int:
    """An empty run folder: the log of an earlier run is not continued."""
    if (out / LAST).exists():
        raise ValueError(f"{out} holds a run: --resume goes on with it, another --out starts anew")
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.jsonl").unlink(missing_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")
    return 0


def moving(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: the trained parameters and the buffers."""
    trained = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
    return {**trained, **dict(model.named_buffers())}


def save(
    model: nn.Module,
    descent: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    config: Config,
    step: int,
    out: Path,
) -> None:
    """checkpoints/last appears whole or not at all."""
    last, new, old = out / LAST, out / "checkpoints" / ".new", out / OLD
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in moving(model).items()}, new / "weights.safetensors")
    save_optimizer(descent, new / "optimizer.safetensors")
    state = {"step": step, "config": asdict(config), "scaler": scaler.state_dict()}
    (new / "state.json").write_text(json.dumps(state, indent=2) + "\n")
    shutil.rmtree(old, ignore_errors=True)
    if last.exists():
        os.replace(last, old)
    os.replace(new, last)
    shutil.rmtree(old, ignore_errors=True)


def restore(
    model: nn.Module, descent: torch.optim.Optimizer, scaler: torch.amp.GradScaler, config: Config, out: Path
) -> int:
    """The step to go on with. Log lines that the checkpoint has not seen are dropped."""
    last = out / LAST
    if (out / OLD).exists() and not last.exists():  # killed between the two renames of `save`
        os.replace(out / OLD, last)
    if not last.exists():
        raise ValueError(f"{out} has no checkpoint: there is nothing to resume; leave --resume out")
    state = json.loads((last / "state.json").read_text())
    changed = [name for name, value in asdict(config).items() if state["config"].get(name) != value]
    if changed:
        before = ", ".join(f"{name} {state['config'].get(name)!r}" for name in changed)
        raise ValueError(f"{out} was begun with {before}: resume with the same or choose another --out")
    weights = load_file(last / "weights.safetensors")
    for name, tensor in moving(model).items():
        tensor.copy_(weights[name])
    load_optimizer(descent, last / "optimizer.safetensors")
    scaler.load_state_dict(state["scaler"])
    lines = (out / "metrics.jsonl").read_text().splitlines(keepends=True)
    (out / "metrics.jsonl").write_text("".join(lines[: state["step"]]))
    return int(state["step"])
