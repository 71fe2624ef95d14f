"""The loop that trains a CLIP: steps, log, early stopping. The caller gives the model and the loss.

Batch, learning rate and random numbers of a step depend on the seed and the number of the step alone. So a resumed run
equals the unbroken run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metric.runtime.console import tell
from metric.runtime.gradients import Apply, data_parallel
from metric.runtime.interrupts import interruptible, stopped
from metric.runtime.log import Log
from metric.runtime.precision import PRECISIONS, allow_tf32, attention, mixed
from metric.runtime.processes import any_of, rank, refuse_other_settings, shared, wait
from metric.runtime.progress import Progress
from metric.runtime.schedule import learning_rate, refuse_warmup
from metric.runtime.seeds import seed_all, seed_of_step
from metric.storage.checkpoint_folders import NotFinite, saved_whole
from metric.storage.run_files import METRICS, TENSORBOARD
from metric.training.cautions import contrastive
from metric.training.checkpoint import BEST, RESUME, Config, Patience, Training, begin, load_moving, save, save_moving

Loss = Callable[[int], tuple[Tensor, dict[str, Tensor]]]
MAX_SCALE = math.log(100)  # CLIP's bound on the learned temperature (arXiv 2103.00020)
SHOWN = ("loss", "val_loss")  # beside the progress
MAX_NORM = 1.0


def check(config: Config) -> None:
    """ValueError for settings that cannot be trained, before anything is loaded."""
    if config.precision not in PRECISIONS:
        raise ValueError(f"--precision is one of {', '.join(PRECISIONS)}, got {config.precision!r}")
    if config.steps < 1 or config.batch_size < 2 or config.keep < 1:
        raise ValueError(
            f"--steps is at least 1, --batch-size at least 2 and --keep at least 1, "
            f"got {config.steps}, {config.batch_size} and {config.keep}"
        )
    if config.chunk < 0:
        raise ValueError(f"--chunk is at least 0, got {config.chunk}")
    refuse_warmup("warmup", config.warmup, config.steps)
    if config.patience and not config.val_every:
        raise ValueError(f"--patience {config.patience} counts validations; give --val-every too")
    refuse_other_settings(asdict(config))


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
    """Minimise `loss(step)` over the parameters of `model` that ask for gradients, `config.steps` times at most.

    Writes out/metrics.jsonl, out/tensorboard and out/checkpoints. `validate` gives figures for the log; with
    `config.patience`, the weights of the lowest `val_loss` are what remains in the model.
    """
    device = next(model.parameters()).device
    allow_tf32(config.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
    run = Training(model, optimiser(model, config), scaler, Patience(config.patience))
    first = begin(run, config, out, resume)
    apply = data_parallel(model)
    opened = Log(out / METRICS, out / TENSORBOARD) if rank() == 0 else nullcontext()
    steps = Progress("CLIP training step", config.steps, first)
    with saved_whole(out, RESUME), opened as log, interruptible() as asked, steps as progress:
        if log and not first:
            tell(contrastive(config))
            log.cautions(contrastive(config))
        for step in range(first, config.steps):
            if run.patience.exhausted:
                break
            row = update(run, apply, loss, config, step)
            done = step + 1
            if validate and due(done, config):
                row |= shared(validate)
                remember_best(run, row["val_loss"], config, out)
            if log:
                log.step(done, {name: float(value) for name, value in row.items()})
            progress.advance(**{name: float(row[name]) for name in SHOWN if name in row})
            ended = done == config.steps or run.patience.exhausted
            stop = any_of(bool(asked()), device)
            if rank() == 0 and (stop or ended or (config.save_every and done % config.save_every == 0)):
                save(run, config, done, out)
            if stop and not ended:
                wait()  # torchrun ends all when one has ended
                stopped(asked(), f"saved after step {done} of {config.steps}", RESUME, rank() == 0)
    wait()
    if config.patience:
        load_moving(model, out / BEST)


def update(run: Training, apply: Apply, loss: Loss, config: Config, step: int) -> dict[str, Any]:
    """One step. Returns the numbers for the log."""
    began = time.perf_counter()
    rate = learning_rate(step, config)
    for group in run.descent.param_groups:
        group["lr"] = rate
    trained = [parameter for group in run.descent.param_groups for parameter in group["params"]]
    device, dtype = trained[0].device, PRECISIONS[config.precision]
    seed_all(seed_of_step(config.seed, "step", step, rank()))
    with attention(device, dtype):  # also of what is computed again on the way back
        with mixed(device, dtype):
            value, facts = apply(loss, step)
        run.descent.zero_grad(set_to_none=True)
        run.scaler.scale(value).backward()
    run.scaler.unscale_(run.descent)
    norm = nn.utils.clip_grad_norm_(trained, MAX_NORM)
    if not torch.isfinite(value if run.scaler.is_enabled() else value + norm):  # fp16 leaves out a step that overflowed
        raise NotFinite(
            f"step {step + 1} has the loss {value.item():g} and the gradient norm {norm.item():g}: "
            f"lower --lr, which is {config.lr:g}, and choose another --out"
        )
    run.scaler.step(run.descent)
    run.scaler.update()
    bound_scale(run.model)
    seconds = time.perf_counter() - began
    return {"loss": value.detach(), **facts, "lr": rate, "grad_norm": norm, "seconds": seconds}


def due(done: int, config: Config) -> bool:
    """Whether to validate after step `done`. After the last step only early stopping needs it."""
    if not config.val_every or done == config.steps:
        return config.patience > 0
    return done % config.val_every == 0


def remember_best(run: Training, loss: float, config: Config, out: Path) -> None:
    """Keep the weights of the lowest validation loss, for early stopping."""
    better = run.patience.improved(loss)
    if config.patience and better and rank() == 0:
        save_moving(run.model, out / BEST)


def bound_scale(model: nn.Module) -> None:
    """Bound the temperature of a CLIP trained with softmax. A bias tells a sigmoid CLIP (SigLIP: ln 117)."""
    learned = {name.rpartition(".")[2]: parameter for name, parameter in model.named_parameters()}
    if "logit_bias" not in learned and learned["logit_scale"].requires_grad:
        learned["logit_scale"].data.clamp_(0, MAX_SCALE)
