"""The one loop: cross-entropy, then the reward stage. `captioner train --reward pacspp --out runs/a`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import isfinite
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW
from tqdm import tqdm

from captioner.config import Rl, Run, Xe
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder
from captioner.runs.record import describe
from captioner.runs.signature import refuse_other
from captioner.training import checkpoint, reward_watch
from captioner.training.cautions import cautions
from captioner.training.checkpoint import Position, resuming
from captioner.training.log import CaptionLog
from captioner.training.objectives import OBJECTIVES
from captioner.training.rollout import Batch, Facts, lengths, rollout
from captioner.training.session import Bench, given_to, prepare, stages
from captioner.training.step_batches import Ahead, Reader, settings_of
from metric.runtime.console import no_bar, say, tell
from metric.runtime.gradients import held
from metric.runtime.interrupts import interruptible, stopped
from metric.runtime.precision import PRECISIONS, mixed
from metric.runtime.processes import any_of, mean, rank, shared, total, wait
from metric.runtime.schedule import learning_rate as one_cycle
from metric.runtime.seeds import seed_all, seed_of_step
from metric.storage.atomic_files import write_json
from metric.storage.checkpoint_folders import NotFinite, other_processes, saved_whole

GRAD_NORM = 1.0
ADAM_BETAS = (0.9, 0.98)  # as "Attention is all you need" (arXiv 1706.03762)


def train(run: Run, out: Path) -> None:
    """A new run in `out`."""
    folder = RunFolder(out)
    if folder.config_file.exists():
        raise ValueError(f"{out} holds a run; type --resume to continue it, or another --out")
    if rank() == 0:
        tell(cautions(run))
    bench = prepare(run, out)
    if rank() == 0:
        write_json(folder.config_file, describe(bench.run, bench.reward) | given_to(bench))
    wait()
    first = stages(run)[0]
    work(bench, out, Position(first, 0))


def resume(out: Path) -> None:
    """The run of `out` from its last checkpoint."""
    folder = RunFolder(out)
    run = folder.run
    names = stages(run)
    reached = shared(lambda: checkpoint.position(out)) or Position(names[0], 0)  # killed before its first checkpoint
    if reached == Position(names[-1], settings_of(run, names[-1]).steps):
        return say(f"{out} is finished; nothing is left to resume")
    watched = reached.stage == "reward" and run.watch == "stop"
    if watched and (why := reward_watch.stopped(folder.metrics, reached.step)):
        return say(f"{out} is finished: {why}")
    bench = prepare(run, out, start=str(folder.last) if reached.step else "")
    refuse_other(out, list(bench.reward.signatures.values()) if bench.reward else [], given_to(bench))
    if reached.step and (told := other_processes(out)):
        say(told)
    if rank() == 0:
        checkpoint.trim(folder.metrics_file, reached, names)
    work(bench, out, reached)


def work(bench: Bench, out: Path, reached: Position) -> None:
    """The stages that are left."""
    names = stages(bench.run)
    opened = CaptionLog(RunFolder(out)) if rank() == 0 else nullcontext()
    with saved_whole(out, resuming(out)), opened as log, interruptible() as stopping:
        if log and not reached.step:
            log.cautions(cautions(bench.run), reached.stage)
        for stage in names[names.index(reached.stage) :]:
            first = reached.step if stage == reached.stage else 0
            run_stage(bench, stage, first, out, log, stopping)


def run_stage(
    bench: Bench, stage: str, first: int, out: Path, log: CaptionLog | None, stopping: Callable[[], int]
) -> None:
    """Batches, one objective, one optimizer: the loop that XE and every reward share."""
    run, settings = bench.run, settings_of(bench.run, stage)
    optimizer = AdamW(bench.captioner.parameters(), lr=settings.lr, betas=ADAM_BETAS, weight_decay=0.0)
    if stage == "reward" and (run.rl.kl or run.watch != "off"):
        bench.reference = reference(bench, out, first)
    bench.read = Ahead(
        Reader(run, stage, bench.examples, bench.features, bench.device, bench.reference), settings.steps
    )
    bench.scaler = torch.amp.GradScaler(bench.device.type, enabled=run.precision == "fp16")
    if first:
        checkpoint.restore_optimizer(out, optimizer, bench.scaler)
    elif stage == "reward":
        evaluate(bench, Position(stage, 0), out, log)
    bar = tqdm(range(first, settings.steps), initial=first, total=settings.steps, desc=stage, disable=no_bar())
    for step in bar:
        started = time.perf_counter()
        set_lr(optimizer, learning_rate(settings, step))
        facts = update(bench, stage, step, optimizer)
        done = step + 1
        if log and (done % run.log_every == 0 or done == settings.steps):
            seconds = time.perf_counter() - started
            log.step(done, facts | {"lr": optimizer.param_groups[0]["lr"], "seconds": seconds}, stage)
            bar.set_postfix(
                loss=f"{facts['loss']:.3f}",
                **({"reward": f"{facts['reward']:.3f}"} if "reward" in facts else {}),
            )
        here = Position(stage, done)
        last = done == settings.steps
        if done % run.val_every == 0 or last:
            last = evaluate(bench, here, out, log) or last
        stop = any_of(bool(stopping()), bench.device)  # asked once: what is said to be saved has been
        if rank() == 0 and (stop or done % run.save_every == 0 or last):
            checkpoint.save(out, bench.captioner, optimizer, bench.scaler, here, run.keep)
        if stop:
            wait()  # torchrun ends all when one has ended
            stopped(stopping(), f"saved after {stage} step {done}", resuming(out), rank() == 0)
        if last:
            break


def evaluate(bench: Bench, here: Position, out: Path, log: CaptionLog | None) -> bool:
    """Validation scores, logged; in the reward stage watched. Returns whether the watch ends the run."""
    if here.stage == "xe" or bench.run.watch == "off":
        scores, shown = bench.validation(bench.captioner)
        if log:
            log.evaluation(here.step, scores, shown, here.stage)
        return False
    before = shared(lambda: reward_watch.history(RunFolder(out).metrics))
    scores, shown = bench.validation(bench.captioner, bench.reference)
    fell = reward_watch.fallen(bench.run, before, scores)
    if log:
        log.evaluation(here.step, scores, shown, here.stage, fell)
    if rank() == 0 and reward_watch.is_best(before, scores, fell):
        checkpoint.keep(RunFolder(out).best, bench.captioner, here)
    for line in fell:
        say(f"watch, step {here.step}: {line}")
    if fell:
        best = reward_watch.best_step(before)
        say(f"watch: {RunFolder(out).best} is the best model from before, of step {best}")
    return bool(fell) and bench.run.watch == "stop"


def update(bench: Bench, stage: str, step: int, optimizer: AdamW) -> dict[str, float]:
    """One step of one stage: a function of the parameters, the seed and the step's number."""
    run, captioner = bench.run, bench.captioner
    seed_all(seed_of_step(run.seed, stage, step, rank()))
    captioner.train(stage == "xe")  # candidates are drawn without dropout, so their gradient has none either
    parts = bench.read(step)
    if stage == "reward":
        assert bench.reward is not None
        with mixed(bench.device, PRECISIONS[run.precision]):
            for part in parts:
                rollout(captioner, part, bench.reward, run)
        bench.reward.exchange()
    agree_on_length(bench, parts)
    for _ in range(run.rl.updates if stage == "reward" else 1):
        facts = descend(bench, stage, step, parts, optimizer)
    return facts


def agree_on_length(bench: Bench, parts: Sequence[Batch]) -> None:
    """Each part learns how many tokens a caption of the whole batch has, which its loss is divided by."""
    counts = torch.cat([lengths(bench.captioner, part, bench.run).flatten() for part in parts])
    tokens, captions = total([float(counts.sum()), float(len(counts))], bench.device)
    for part in parts:
        part.mean_length = tokens / captions


def descend(bench: Bench, stage: str, step: int, parts: Sequence[Batch], optimizer: AdamW) -> Facts:
    """One update by the gradient of the stage's objective: the mean of those of the parts, here and elsewhere."""
    optimizer.zero_grad(set_to_none=True)
    facts = mean([backward(bench, stage, part, len(parts), part is parts[-1]) for part in parts], bench.device)
    bench.scaler.unscale_(optimizer)
    norm = nn.utils.clip_grad_norm_(bench.captioner.parameters(), GRAD_NORM).item()
    if not isfinite(facts["loss"]) or not (isfinite(norm) or bench.scaler.is_enabled()):
        raise NotFinite(
            f"{stage} step {step + 1} has the loss {facts['loss']:g} and the gradient norm {norm:g}: "
            f"lower {rate_flag(bench.run, stage)} and choose another --out"
        )
    bench.scaler.step(optimizer)  # in fp16, not with a gradient that overflowed
    bench.scaler.update()
    return {"grad_norm": norm, **facts}


def backward(bench: Bench, stage: str, part: Batch, count: int, last: bool) -> Facts:
    """Adds the gradient of one of `count` parts."""
    objective = OBJECTIVES[bench.run.rl.objective if stage == "reward" else stage]
    with held(bench.apply, more=not last):
        with mixed(bench.device, PRECISIONS[bench.run.precision]):
            loss, facts = bench.apply(objective, bench.captioner, part, bench.reward, bench.run)
        bench.scaler.scale(loss / count).backward()
    return {"loss": loss.item(), **facts}


def reference(bench: Bench, out: Path, first: int) -> Captioner:
    """A frozen copy of the model that the reward stage begins with, kept in the run's folder for when it is resumed."""
    if not first and rank() == 0:
        checkpoint.keep(RunFolder(out).reference, bench.captioner, Position("reward", 0))
    wait()
    return Captioner.from_pretrained(RunFolder(out).reference).to(bench.device).requires_grad_(False)


def learning_rate(settings: Xe | Rl, step: int) -> float:
    """A straight rise over the warm-up, then half a cosine down; the reward stage stays up unless it is to decay."""
    stays = isinstance(settings, Rl) and not settings.decay
    return settings.lr if stays and step >= settings.warmup * settings.steps else one_cycle(step, settings)


def rate_flag(run: Run, stage: str) -> str:
    return f"--{'xe' if stage == 'xe' else 'rl'}.lr, which is {settings_of(run, stage).lr:g},"


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
