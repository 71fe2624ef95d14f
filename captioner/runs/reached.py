"""How far a run came, in a line: `reward step 300 of 300; validation: CIDEr 1.920, CLIP-S 1.701`."""

from __future__ import annotations

from pathlib import Path

from captioner.config import Run
from captioner.model.pretrained import model_folder
from captioner.runs.best import Rows, out_of_patience
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.stages import settings_of, stages
from metric.runtime.console import tell
from metric.scores.catalogue import SCORES
from metric.storage.checkpoint_folders import position
from metric.storage.paths import expanded

SHOWN = ("cider", "clip_s", "pac_spp", "pac_spp_hard", "rep_4", "incorrect", "scene_truth")  # as far as a run has them


def reached(folder: RunFolder) -> str:
    """The step and the scores of the last validation, with which every run ends."""
    return told(folder.run, folder.metrics)


def unfinished(run: Run, rows: Rows, stage: str, step: int) -> str:
    """The place of a model that has steps of its run before it, such as `xe step 119 of 4000`; "" of a finished run.

    `rows` are those of metrics.jsonl.
    """
    done = stage == stages(run)[-1] and (step >= settings_of(run, stage).steps or ended_early(run, rows, stage, step))
    return "" if done else place(run, stage, step)


def unfinished_run(name: str) -> str:
    """The place of the last model of the run folder `name` that has steps of its run before it; "" of other models."""
    folder = RunFolder(Path(expanded(name)))
    if not folder.checkpoints.is_dir() or not folder.config_file.is_file():
        return ""
    at = position(Path(model_folder(name)))
    return unfinished(folder.run, folder.metrics, at.stage, at.step)


def tell_unfinished(name: str) -> None:
    """Tells that the model `name` is of a run that is not finished."""
    if rest := unfinished_run(name):
        tell([f"{name} is not finished: {rest}; `{resuming(Path(name))}` goes on"])


def ended_early(run: Run, rows: Rows, stage: str, step: int) -> str:
    """Why a stage ended at a step before its last one: its patience, or the watch; "" where it goes on."""
    until = [row for row in rows if row["stage"] == stage and row["step"] <= step]
    if stage == "xe":
        return out_of_patience(run, until)
    fell = [row for row in until if row.get("watch")] if run.watch == "stop" else []
    return f"the watch stopped it after step {fell[0]['step']}: {'; '.join(fell[0]['watch'])}" if fell else ""


def place(run: Run, stage: str, step: int) -> str:
    """A step among those of its stage: `xe step 119 of 4000`."""
    return f"{stage} step {step} of {settings_of(run, stage).steps}"


def told(run: Run, rows: Rows) -> str:
    """`rows` are those of metrics.jsonl."""
    last = [row for row in rows if any(name.startswith("val/") for name in row)][-1]
    scores = [f"{SCORES[name].printed} {last[f'val/{name}']:.3f}" for name in SHOWN if f"val/{name}" in last]
    return f"{place(run, last['stage'], last['step'])}; validation: {', '.join(scores)}"
