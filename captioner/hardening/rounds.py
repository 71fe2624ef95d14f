"""Rounds of hardening: what a pressed captioner says and references do not becomes the negatives of the next metric.

Each round collects captions of training pictures by the captioners of the round before, trains the metric with them
beside the negatives of the rules, presses a captioner on the new metric, and audits the metric. The rounds end when the
captioners of the last one say nothing new.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from captioner.config import Run, from_dict
from captioner.hardening.collection import FOUND, collect
from captioner.hardening.stages import audited, press, train
from captioner.runs.folder import RunFolder
from metric.clip.load import load_clip
from metric.clip.tuning import recorded
from metric.runtime.console import say
from metric.storage.atomic_files import write_json
from metric.training.config import MetricConfig
from metric.training.found_file import KEPT

INPUTS = "inputs.json"  # what the rounds of a folder began with


@dataclass(frozen=True)
class Hardening:
    """The settings of all rounds."""

    metric: Path
    """metric that the runs were pressed on; each new metric has its settings"""
    runs: tuple[Path, ...]
    """pressed runs; each new run has the settings of the first one"""
    out: Path
    rounds: int = 3
    count: int = 2000
    """training pictures that are captioned in a round"""
    device: str = "auto"


def harden(settings: Hardening) -> list[dict[str, Any]]:
    """Runs the rounds, or goes on with them. Returns a row of scores for each round, that of the given metric first.

    Raises ValueError for a metric that was trained without negatives, for a run without a reward, and for a folder that
    holds the rounds of another metric, other runs or another count.
    """
    base, pressed = metric_settings(settings.metric), replace(pressed_run(settings.runs), device=settings.device)
    keep_inputs(settings)
    runs, earlier, device = settings.runs, settings.metric / KEPT, settings.device
    rows = [{"round": 0, **audited(settings.metric, runs[0], settings.out / "round-0", device)}]
    for number in range(1, settings.rounds + 1):
        folder = settings.out / f"round-{number}"
        found = collect(runs, settings.count, earlier, folder, device)
        rows[-1] |= {"foreign": found.share, "new_phrases": len(found.new)}
        say(f"round {number}: {found}")
        if not found.new:
            say("the captioners of the last round say nothing new: the rounds end")
            break
        train(replace(base, negatives_from=str(folder / FOUND)), settings.metric, folder / "metric", device)
        press(pressed, folder / "metric", folder / "run")
        rows.append({"round": number, **audited(folder / "metric", folder / "run", folder, device)})
        runs, earlier = (folder / "run",), folder / FOUND
    return rows


def keep_inputs(settings: Hardening) -> None:
    """Writes inputs.json at the first call. Raises ValueError when a later call has other inputs."""
    runs = [RunFolder(run) for run in settings.runs]
    inputs = {
        "metric": load_clip(str(settings.metric)).fingerprint,
        "runs": [f"{run.signature}, seed {run.run.seed}" for run in runs],
        "count": settings.count,
    }
    file = settings.out / INPUTS
    if not file.is_file() and (settings.out / "round-1").exists():
        raise ValueError(f"{settings.out} holds rounds without {INPUTS}, which says of what; type another --out")
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else inputs
    for name, value in inputs.items():
        if before[name] != value:
            raise ValueError(
                f"{settings.out} holds rounds with other {name}, {before[name]}, got {value}; type another --out"
            )
    write_json(file, inputs)


def metric_settings(metric: Path) -> MetricConfig:
    """The settings of a trained metric. Raises ValueError for another folder, and for a metric without negatives."""
    content = recorded(metric)
    if "lambda_v" not in content:
        raise ValueError(f"--metric {metric} is no folder of captioner metric train; type one made with --negatives 3")
    config = from_dict(MetricConfig, content)
    if not config.negatives:
        raise ValueError(f"--metric {metric} was trained without negatives; type captioner metric train --negatives 3")
    return config


def pressed_run(runs: Sequence[Path]) -> Run:
    """The settings of the first run. Raises ValueError for a run that was trained on no reward."""
    for folder in runs:
        if not RunFolder(folder).run.rewards:
            raise ValueError(f"--runs {folder} was trained on no reward; type a run with --reward pacspp_hard")
    run = RunFolder(runs[0]).run
    if all("checkpoint" not in dict(spec.options) for spec in run.reward_specs):
        rewards = " and ".join(run.rewards)
        raise ValueError(f"--runs {runs[0]} was trained on {rewards}, no tuned CLIP; put a run on pacspp_hard first")
    return run
