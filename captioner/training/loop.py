"""The training loop of cross-entropy and the reward stage. `captioner train --reward pacspp --out runs/a`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from math import isfinite
from pathlib import Path

from torch import Tensor, nn

from captioner.config import Run
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.places import placed
from captioner.runs.reached import ended_early
from captioner.runs.record import describe
from captioner.runs.signature import refuse_other
from captioner.runs.stages import settings_of, stages
from captioner.training import checkpoint
from captioner.training.cautions import Unmoved, cautions
from captioner.training.checkpoint import Position
from captioner.training.evaluation import evaluate, owed
from captioner.training.log import CaptionLog
from captioner.training.objectives import OBJECTIVES, Loss, rewarded
from captioner.training.rollout import Batch, Drawn, Facts, roll, tokens_a_caption
from captioner.training.session import Session, given_to, prepare
from captioner.training.stage import Stage, open_stage
from metric.runtime.console import say, tell
from metric.runtime.device import fetched
from metric.runtime.gradients import delayed_averaging
from metric.runtime.interrupts import interruptible, stopped
from metric.runtime.precision import PRECISIONS, computed_on, mixed
from metric.runtime.processes import any_of, mean, rank, shared, wait
from metric.runtime.progress import Progress
from metric.runtime.seeds import seed_all, seed_of_step
from metric.storage.atomic_files import refuse_foreign, refuse_unwritable, write_json
from metric.storage.checkpoint_folders import NotFinite, other_processes, saved_whole
from metric.storage.one_at_a_time import alone_in
from rewards.mix import RewardFailed

GRAD_NORM = 1.0  # the largest norm of a gradient; a larger one is scaled down

Target = Drawn | float
"""Candidates of the reward stage, or of cross-entropy the tokens of a reference in the whole batch."""


def train(run: Run, out: Path) -> None:
    """Train a new run in the folder `out`."""
    run, folder = placed(run), RunFolder(out)
    if folder.config_file.exists():
        raise ValueError(f"{out} holds a run; type --resume to continue it, or another --out")
    refuse_foreign(out)
    refuse_unwritable(out)
    if rank() == 0:
        tell(cautions(run))
    session = prepare(run, out)
    with alone_in(out):
        if rank() == 0:
            numbers = {"computed_on": computed_on(session.device, session.run.precision)}
            write_json(folder.config_file, describe(session.run, session.reward) | given_to(session) | numbers)
        wait()
        run_stages(session, out, Position(stages(run)[0], 0))


def resume(out: Path) -> None:
    """Continue the run in the folder `out` from its last checkpoint."""
    folder = RunFolder(out)
    folder.refuse_others()
    run = folder.run
    with alone_in(out):
        go_on(run, folder, out)


def go_on(run: Run, folder: RunFolder, out: Path) -> None:
    """Continue a run in a folder that no other process trains in."""
    names = stages(run)
    reached = shared(lambda: checkpoint.position(out)) or Position(names[0], 0)  # killed before its first checkpoint
    if why := finished(folder, run, reached):
        return say(f"{out} is finished{why}")
    session = prepare(run, out, start=str(folder.last) if reached.step else "")
    refuse_other(out, list(session.reward.signatures.values()) if session.reward else [], given_to(session))
    if reached.step and (change := other_processes(out)):
        say(change)
    if rank() == 0:
        checkpoint.trim(folder.metrics_file, reached, names)
    run_stages(session, out, reached)


def finished(folder: RunFolder, run: Run, reached: Position) -> str:
    """Why no step is left of a run, as the end of a sentence; "" when steps are left."""
    last, rows = stages(run)[-1], folder.metrics
    if owed(run, rows, reached):
        return ""
    if reached == Position(last, settings_of(run, last).steps):
        return "; nothing is left to resume"
    why = ended_early(run, rows, last, reached.step) if reached.step and reached.stage == last else ""
    return f": {why}" if why else ""


def run_stages(session: Session, out: Path, reached: Position) -> None:
    """The stages that are left, beginning at the position `reached`."""
    left = stages(session.run)
    left = left[left.index(reached.stage) :]
    if reached.step and shared(lambda: ended_early(session.run, RunFolder(out).metrics, reached.stage, reached.step)):
        left = left[1:]
    opened = CaptionLog(RunFolder(out)) if rank() == 0 else nullcontext()
    with saved_whole(out, resuming(out)), opened as log, interruptible() as stopping:
        if log and not reached.step:
            log.cautions(cautions(session.run), reached.stage)
        for name in left:
            run_stage(session, name, reached.step if name == reached.stage else 0, out, log, stopping)


def run_stage(
    session: Session, name: str, first: int, out: Path, log: CaptionLog | None, stopping: Callable[[], int]
) -> None:
    """Batches, one objective, one optimizer: the loop that cross-entropy and every reward share."""
    done = first
    try:
        run, stage = session.run, begin_stage(session, name, first, out, log)
        steps = stage.settings.steps
        unmoved = Unmoved(steps) if name == "reward" and not first else None
        if shared(lambda: owed(run, RunFolder(out).metrics, Position(name, first))):
            if evaluate(session, stage, first, out, log):
                return
        with Progress(f"{name} step", steps, first) as progress:
            for step in range(first, steps):
                started = time.perf_counter()
                stage.set_rate(step)
                facts = update(session, stage, step)
                done = step + 1
                last = done == steps
                if log and (done % run.log_every == 0 or last):
                    log.step(done, facts | {"lr": stage.rate, "seconds": time.perf_counter() - started}, name)
                progress.advance(**shown(facts))
                if log and unmoved:
                    tell(unmoved(done, facts))
                if done % run.val_every == 0 or last:
                    last = evaluate(session, stage, done, out, log) or last
                stop = any_of(bool(stopping()))  # asked once, so that message and checkpoint agree
                if stop or done % run.save_every == 0 or last:
                    save(session, stage, done, out)
                if stop:
                    wait()  # torchrun ends all processes when one has ended
                    stopped(stopping(), f"saved after {name} step {done}", resuming(out), rank() == 0)
                if last:
                    break
    except RewardFailed as fault:  # before the update of a step: the weights are those after step `done`
        if done > first:
            save(session, stage, done, out)
        wait()
        raise ValueError(f"{fault}; {checkpoint.goes_on(out)}") from fault


def save(session: Session, stage: Stage, done: int, out: Path) -> None:
    """Replace checkpoints/last. Only the first process writes."""
    if rank() == 0:
        place = Position(stage.name, done)
        checkpoint.save(out, session.captioner, stage.optimizer, stage.scaler, place, session.run.keep)


def begin_stage(session: Session, name: str, first: int, out: Path, log: CaptionLog | None) -> Stage:
    """The stage at step `first`. The reward stage is evaluated before its first step."""
    if name == "reward" and not first and session.run.keep_best and "xe" in stages(session.run):
        wait()  # for the first process, which writes the model
        session.captioner.load_state_dict(Captioner.from_pretrained(RunFolder(out).best_of("xe")).state_dict())
    watched = name == "reward" and (session.run.rl.kl or session.run.watch != "off")
    stage = open_stage(session, name, first_model(session, out, first) if watched else None)
    if first:
        checkpoint.restore_optimizer(out, stage.optimizer, stage.scaler)
    elif name == "reward":
        evaluate(session, stage, 0, out, log)
    return stage


def first_model(session: Session, out: Path, first: int) -> Captioner:
    """A frozen copy of the model that the reward stage begins with. The run's folder keeps it for --resume."""
    folder = RunFolder(out).reference
    if not first and rank() == 0:
        checkpoint.save_model(folder, session.captioner, Position("reward", 0))
    wait()
    return Captioner.from_pretrained(folder).to(session.device).requires_grad_(False)


def shown(facts: Mapping[str, float]) -> dict[str, float]:
    """The numbers beside the progress."""
    return {name: facts[name] for name in ("loss", "reward") if name in facts}


def update(session: Session, stage: Stage, step: int) -> dict[str, float]:
    """One step of one stage: a function of the weights, the seed and the number of the step."""
    seed_all(seed_of_step(session.run.seed, stage.name, step, rank()))
    session.captioner.train(stage.name == "xe")  # candidates are drawn without dropout, so their gradient has none
    parts = stage.read(step)
    targets = targets_of(session, stage, parts)
    for _ in range(stage.updates):
        facts, targets = descend(session, stage, step, parts, targets)
    return facts | stage.skipped(step + 1)


def targets_of(session: Session, stage: Stage, parts: Sequence[Batch]) -> list[Target]:
    """What the objective of the stage takes beside each part: drawn candidates, or the mean length of references."""
    if stage.name == "xe":
        return [tokens_a_caption([part.references for part in parts], session.captioner)] * len(parts)
    assert session.reward is not None
    with mixed(session.device, PRECISIONS[session.run.precision]):
        return [*roll(session.captioner, parts, session.reward, session.run)]


def descend(
    session: Session, stage: Stage, step: int, parts: Sequence[Batch], targets: Sequence[Target]
) -> tuple[dict[str, float], list[Target]]:
    """One update, by the mean gradient over the parts of all processes. Returns the targets of the next update."""
    stage.optimizer.zero_grad(set_to_none=True)
    last = len(parts) - 1
    losses = [
        backward(session, stage, part, target, len(parts), number == last)
        for number, (part, target) in enumerate(zip(parts, targets))
    ]
    stage.scaler.unscale_(stage.optimizer)
    length = nn.utils.clip_grad_norm_(session.captioner.parameters(), GRAD_NORM)
    norm, facts = numbers_of(length, [{"loss": loss.value, **loss.facts} for loss in losses])
    if not isfinite(facts["loss"]) or not (isfinite(norm) or stage.scaler.is_enabled()):
        raise NotFinite(
            f"{stage.name} step {step + 1} has the loss {facts['loss']:g} and the gradient norm {norm:g}: "
            f"lower {stage.rate_flag} and choose another --out"
        )
    stage.scaler.step(stage.optimizer)  # in fp16, a gradient that overflowed is left out
    stage.scaler.update()
    return {"grad_norm": norm, **facts}, [after(target, loss) for target, loss in zip(targets, losses)]


def numbers_of(norm: Tensor, facts: Sequence[Facts]) -> tuple[float, dict[str, float]]:
    """The norm of the gradient, and the mean of each number over the parts of all processes: one wait a step."""
    first, *values = fetched([norm, *(number for part in facts for number in part.values())])
    rows = [dict(zip(part, values[start * len(part) :])) for start, part in enumerate(facts)]
    return first, mean(rows)


def backward(session: Session, stage: Stage, part: Batch, target: Target, count: int, last: bool) -> Loss:
    """Add the gradient of one of `count` parts. Processes average their gradients at the last part."""
    objective = rewarded if stage.name == "reward" else OBJECTIVES["xe"]
    with delayed_averaging(session.apply, more=not last):
        with mixed(session.device, PRECISIONS[session.run.precision]):
            loss = session.apply(objective, session.captioner, part, target, session.run)
        stage.scaler.scale(loss.value / count).backward()
    return loss._replace(value=loss.value.detach())


def after(target: Target, loss: Loss) -> Target:
    """The target of the next update. The first update finds how likely the candidates were when they were drawn."""
    if isinstance(target, Drawn) and target.log_p_then is None:
        return replace(target, log_p_then=loss.log_p)
    return target
