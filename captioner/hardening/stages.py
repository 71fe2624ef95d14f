"""The stages of a round: the new metric, the captioner that is pressed on it, and the audit. A finished one is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from captioner.config import Run
from captioner.data import load
from captioner.runs.folder import RunFolder
from captioner.scoring.audit_report import report_audit
from captioner.scoring.evaluate_run import Evaluation, evaluate_run
from captioner.training import loop
from metric.positives.sources import positives_for
from metric.runtime.console import say
from metric.runtime.device import device_of
from metric.storage import checkpoint_folders
from metric.storage.provenance import NONE_MADE, record_metric
from metric.storage.run_files import PROVENANCE, REPORT
from metric.training.config import MetricConfig
from metric.training.finetune import train_metric
from rewards import parse

REWARD, SCORE, SPLIT = "pacspp_hard", "pac_spp_hard", "test"
SCORES = ("cider", "text", "clip", "scene")
SHOWN = ("cider", "clip_s", SCORE, "rep_4", "bad_endings", "scene_grammatical", "scene_truth", "length", "vocabulary")


def train(config: MetricConfig, earlier: Path, out: Path, device: str) -> None:
    """Trains a metric on the data and the positives of the metric `earlier`, or goes on with it."""
    if (out / REPORT).is_file():
        return
    say(f"metric: {out}")
    source = provenance(earlier)
    training, val = load(source["data"], "train"), load(source["data"], "val")
    made = source.get("positives", NONE_MADE).replace(NONE_MADE, "")
    positives = positives_for(Path(made) if made else None, training)
    begun = bool(checkpoint_folders.newest(out))
    train_metric(config, training, val, positives, out, begun, device_of(device))
    record_metric(out, source["data"], made)


def provenance(metric: Path) -> dict[str, Any]:
    """The origin of a trained metric. Raises ValueError for a folder without it."""
    if not (metric / PROVENANCE).is_file():
        raise ValueError(f"--metric {metric} has no {PROVENANCE}, which names its data; finish captioner metric train")
    return json.loads((metric / PROVENANCE).read_text(encoding="utf-8"))


def press(pressed: Run, metric: Path, out: Path) -> None:
    """Trains a captioner with the settings of the pressed run and the new metric for its reward, or goes on with it."""
    if RunFolder(out).config_file.is_file():
        return loop.resume(out)
    say(f"captioner: {out}")
    rewards = tuple(rewarded(metric, text) for text in pressed.rewards)
    loop.train(replace(pressed, rewards=rewards, pac=""), out)


def rewarded(metric: Path, text: str) -> str:
    """The text of a reward, whose tuned CLIP is the new metric: `pacspp:checkpoint=a` -> `pacspp_hard:checkpoint=b`.

    A reward that compares with references too goes on comparing: `refpacspp` -> `refpacspp_hard`.
    """
    spec = parse(text)
    if "checkpoint" not in dict(spec.options):
        return text
    options = tuple((name, str(metric) if name == "checkpoint" else value) for name, value in spec.options)
    name = "ref" * spec.name.startswith("ref") + REWARD
    return str(replace(spec, options=options)).replace(spec.name, name, 1)


def audited(metric: Path, run: Path, folder: Path, device: str) -> dict[str, float]:
    """The scores of a round's captioner on test pictures, and the audit of its metric: shares of preferred faults."""
    files = RunFolder(run)
    if not files.scores_file(SPLIT).is_file():
        evaluate_run(run, Evaluation(SPLIT, SCORES, device=device))
    corpus = files.scores(SPLIT)["corpus"]
    file = folder / "audit" / "audit.json"
    if not file.is_file():
        score = f"{SCORE}:checkpoint={metric}"
        report_audit(folder / "audit", data=files.run.data, metrics=score, clip=files.run.clip, device=device)
    shares = [row["higher"] for row in json.loads(file.read_text(encoding="utf-8"))["rows"] if row["count"]]
    kept = {name: corpus[name] for name in SHOWN if name in corpus}
    return {**kept, "audit_mean": sum(shares) / len(shares), "audit_worst": max(shares)}
