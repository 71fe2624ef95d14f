"""The evaluation of a run while it trains: scores, watch, the model that is kept, and an early end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from captioner.config import Run
from captioner.runs.best import best, curve, is_better
from captioner.runs.folder import RunFolder
from captioner.runs.reached import Rows, ended_early
from captioner.runs.stages import settings_of
from captioner.training import checkpoint, reward_watch
from captioner.training.checkpoint import Position
from captioner.training.log import CaptionLog
from captioner.training.session import Session
from captioner.training.stage import Stage
from metric.runtime.console import say
from metric.runtime.processes import rank, shared


def evaluate(session: Session, stage: Stage, step: int, out: Path, log: CaptionLog | None) -> bool:
    """Log the validation scores, and keep the model if it is the best so far. True when the stage ends here.

    The watch compares the scores of the reward stage with those of its step 0.
    """
    run, folder = session.run, RunFolder(out)
    rows: Rows = shared(lambda: folder.metrics)
    watched = stage.name == "reward" and run.watch != "off"
    scores, samples = session.validation(session.captioner, stage.reference if watched else None)
    before = reward_watch.history(rows) if watched else []
    alarms = reward_watch.fallen(run, before, scores)
    if log:
        log.evaluation(step, scores, samples, stage.name, alarms)
    if run.best_score:
        kept = is_better(run.best_score, curve(rows, stage.name, run.best_score), scores[run.best_score])
    else:
        kept = watched and reward_watch.is_best(before, scores, alarms)
    if kept and rank() == 0:
        checkpoint.save_model(folder.best_of(stage.name), session.captioner, Position(stage.name, step))
    report(run, alarms, step, folder)
    return ends(run, stage, step, folder)


def owed(run: Run, rows: Rows, at: Position) -> bool:
    """Whether the evaluation of a saved step is missing, because a reward failed in it. `rows` are of metrics.jsonl."""
    due = at.step > 0 and (at.step % run.val_every == 0 or at.step == settings_of(run, at.stage).steps)
    there = [row for row in rows if Position(row["stage"], row["step"]) == at]
    return due and not any(name.startswith("val/") for row in there for name in row)


def report(run: Run, alarms: Sequence[str], step: int, folder: RunFolder) -> None:
    """Tell the guards that fell, and which model is kept."""
    for line in alarms:
        say(f"watch, step {step}: {line}")
    if alarms:
        say(f"watch: {folder.best} is {shared(lambda: kept_model(run, folder.metrics))}")


def kept_model(run: Run, rows: Rows) -> str:
    """What checkpoints/best of a reward stage holds, as the end of a sentence."""
    if run.best_score:
        step, value = best(run.best_score, curve(rows, "reward", run.best_score))
        return f"the best model by {run.best_score}, {value:.3f} at step {step}"
    return f"the best model from before, of step {reward_watch.best_step(reward_watch.history(rows))}"


def ends(run: Run, stage: Stage, step: int, folder: RunFolder) -> bool:
    """Whether the stage ends at this step, before its last one."""
    why = shared(lambda: ended_early(run, folder.metrics, stage.name, step))
    if why and stage.name == "xe" and step < stage.settings.steps:
        say(f"cross-entropy ends after step {step} of {stage.settings.steps}: {why}")
    return bool(why)
