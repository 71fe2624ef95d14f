"""The loop that trains a CLIP: steps, log, early stopping. The caller decides which parameters are trained.

A step's batch, learning rate and randomness depend on its number alone. A resumed run therefore equals an unbroken run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from metric.runtime.console import say, tell
from metric.runtime.device import fetched, has_fused_adam
from metric.runtime.gradients import Apply, data_parallel
from metric.runtime.interrupts import interruptible, stopped
from metric.runtime.log import Log
from metric.runtime.precision import PRECISIONS, allow_tf32, attention, mixed, skipped, unsuited
from metric.runtime.processes import any_of, rank, refuse_other_settings, shared, wait
from metric.runtime.progress import Progress
from metric.runtime.schedule import learning_rate, refuse_warmup
from metric.runtime.seeds import repeat_exactly, seed_all, seed_of_step
from metric.settings import refuse_outside
from metric.storage.checkpoint_folders import NotFinite, saved_whole
from metric.storage.run_files import METRICS, TENSORBOARD
from metric.training.cautions import contrastive
from metric.training.checkpoint import BEST, RESUME, Config, Patience, Training, begin, load_moving, save, save_moving
from metric.training.config import RANGES

Loss = Callable[[int], tuple[Tensor, dict[str, Tensor]]]
MAX_SCALE = math.log(100)  # CLIP's bound on the learned temperature (arXiv 2103.00020)
SHOWN = ("loss", "val_loss")  # beside the progress
MAX_NORM = 1.0


def check(config: Config) -> None:
    """Raises ValueError for settings that cannot be trained, before any model is loaded."""
    if config.precision not in PRECISIONS:
        raise ValueError(f"--precision must be one of {', '.join(PRECISIONS)}, got {config.precision!r}")
    refuse_outside(asdict(config), RANGES)
    refuse_warmup("warmup", config.warmup, config.steps)
    if config.patience and not config.val_every:
        raise ValueError(f"--patience {config.patience} counts validations; type --val-every too")
    refuse_other_settings(asdict(config))


def optimiser(model: nn.Module, config: Config) -> torch.optim.AdamW:
    """AdamW with CLIP's betas; biases, gains and the temperature do not decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = has_fused_adam(trained[0].device)
    return torch.optim.AdamW([group for group in groups if group["params"]], config.lr, (0.9, 0.98), 1e-6, fused=fused)


def train(
    model: nn.Module,
    loss: Loss,
    config: Config,
    out: Path,
    resume: bool = False,
    validate: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Minimise `loss(step)` over the parameters of `model` that require gradients, `config.steps` times at most.

    Writes out/metrics.jsonl, out/tensorboard and out/checkpoints. `validate` gives figures for the log. With
    `config.patience`, the model ends with the weights of the lowest `val_loss`. Those before the first step count too,
    so that a run that only harms leaves the model as it was. The caller keeps other trainings out of `out`.
    """
    allow_tf32(config.precision)
    repeat_exactly(next(model.parameters()).device)
    scaler = torch.amp.GradScaler(next(model.parameters()).device.type, enabled=config.precision == "fp16")
    run = Training(model, optimiser(model, config), scaler, Patience(config.patience))
    first = begin(run, config, out, resume)
    apply, device = data_parallel(model), next(model.parameters()).device
    opened = Log(out / METRICS, out / TENSORBOARD) if rank() == 0 else nullcontext()
    steps = Progress("CLIP training step", config.steps, first)
    with saved_whole(out, RESUME), opened as log, interruptible() as interrupted, steps as progress:
        if log and not first:
            tell([*contrastive(config), *unsuited(device, config.precision)])
            log.cautions(contrastive(config))
        if config.patience and validate and not first:
            figures = shared(validate)
            remember_best(run, figures["val_loss"], 0, config, out)
            if log:
                log.step(0, figures)
        done = first
        for step in range(first, config.steps):
            if run.patience.exhausted:
                break
            row = update(run, apply, loss, config, step)
            done = step + 1
            if validate and due(done, config):
                row |= shared(validate)
                remember_best(run, row["val_loss"], done, config, out)
            if log:
                log.step(done, row)
            progress.advance(**{name: row[name] for name in SHOWN if name in row})
            ended = done == config.steps or run.patience.exhausted
            stop = any_of(bool(interrupted()))
            if rank() == 0 and (stop or ended or (config.save_every and done % config.save_every == 0)):
                save(run, config, done, out)
            if stop and not ended:
                wait()  # torchrun ends all when one has ended
                stopped(interrupted(), f"saved after step {done} of {config.steps}", RESUME, rank() == 0)
    wait()
    if left_out := skipped(run.scaler, run.descent, done).get("skipped"):
        say(f"{left_out:,.0f} of {done:,} steps were left out: their gradient overflowed in fp16")
    if config.patience:
        load_moving(model, out / BEST)
        say(kept(run.patience))


def update(run: Training, apply: Apply, loss: Loss, config: Config, step: int) -> dict[str, float]:
    """Take one step. -> the numbers of the step for the log. Raises NotFinite when loss or gradient is not finite."""
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
    numbers: dict[str, Tensor | float] = {"loss": value.detach(), **facts, "lr": rate, "grad_norm": norm}
    row = dict(zip(numbers, fetched([*numbers.values()])))  # one wait a step
    overflowed = not math.isfinite(row["grad_norm"]) and not run.scaler.is_enabled()  # fp16 leaves such a step out
    if overflowed or not math.isfinite(row["loss"]):
        raise NotFinite(
            f"step {step + 1} has the loss {row['loss']:g} and the gradient norm {row['grad_norm']:g}; "
            f"lower --lr, now {config.lr:g}, and choose another --out"
        )
    run.scaler.step(run.descent)
    run.scaler.update()
    bound_scale(run.model)
    return {**row, **skipped(run.scaler, run.descent, step + 1), "seconds": time.perf_counter() - began}


def due(done: int, config: Config) -> bool:
    """Whether to validate now. After the last step only early stopping needs figures, since the report follows."""
    if not config.val_every or done == config.steps:
        return config.patience > 0
    return done % config.val_every == 0


def remember_best(run: Training, loss: float, step: int, config: Config, out: Path) -> None:
    """Keep the weights of the lowest validation loss, for early stopping. `step` 0 is before the first step."""
    better = run.patience.improved(loss, step)
    if config.patience and better and rank() == 0:
        save_moving(run.model, out / BEST)


def kept(patience: Patience) -> str:
    """Which weights a run with early stopping ends with."""
    if not patience.at:
        return f"no step lowered the val_loss of {patience.best:.3f} before the first: the weights are untouched"
    return f"the weights of step {patience.at} are kept, which have the lowest val_loss, {patience.best:.3f}"


def bound_scale(model: nn.Module) -> None:
    """Bound the temperature of a CLIP with softmax loss. A CLIP with a bias has sigmoid loss and no bound.

    SigLIP's own temperature is ln 117, beyond CLIP's bound.
    """
    learned = {name.rpartition(".")[2]: parameter for name, parameter in model.named_parameters()}
    if "logit_bias" not in learned and learned["logit_scale"].requires_grad:
        learned["logit_scale"].data.clamp_(0, MAX_SCALE)
