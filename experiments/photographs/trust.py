"""Whether the photo CLIP and its metrics deserve trust: retrieval of captions, agreement with people, the audit.

None of the photographs was seen in training. Flickr8k-Expert is on test photographs, and the audit on validation ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from captioner.data import load
from experiments.commands import run_captioner, say
from experiments.photographs.metrics import METRICS, folder, score
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.storage.atomic_files import write_json
from metric.training.clip_quality import appraise

RESAMPLES = 1000
WAYS = {"picture to text": "i2t_r1", "text to picture": "t2i_r1"}


def assess(flickr8k: Path, data: str, clip: Path, metrics: Path, out: Path, names: list[str], seeds: list[str]) -> None:
    """Writes out/NAME-SEED.json (retrieval), out/judgement.json and out/audit. What exists for these metrics stays."""
    for label, tuned in {"clip": clip, **{f"{n}-{s}": folder(metrics, n, s) for s in seeds for n in names}}.items():
        if not (out / f"{label}.json").exists():
            write_json(out / f"{label}.json", appraise(Embedder(load_clip(str(tuned))), load(data, "test")))
    specs = ",".join([f"clip_s:clip={clip}", *(score(metrics, name, seed) for seed in seeds for name in names)])
    if not done(out / "judgement.txt", specs):
        say("agreement with people")
        benchmark = ("--benchmark", "flickr8k-expert", "--root", flickr8k, "--resamples", RESAMPLES)
        run_captioner("metric", "judge", *benchmark, "--metrics", specs, "--out", out / "judgement.json")
        (out / "judgement.txt").write_text(specs)
    if not done(out / "audit.txt", specs):
        say("audit")
        run_captioner("metric", "audit", "--data", data, "--metrics", specs, "--out", out / "audit")
        (out / "audit.txt").write_text(specs)


def done(note: Path, specs: str) -> bool:
    """Whether the note beside a result names the same metrics."""
    return note.exists() and note.read_text() == specs


def report(metrics: Path, out: Path, names: list[str], seeds: list[str]) -> Iterator[str]:
    """The lines of the tables in Markdown: retrieval and agreement, paired differences, audit."""
    judged = json.loads((out / "judgement.json").read_text())
    yield from agreement(judged, metrics, out, names, seeds)
    yield from paired(judged, metrics, names, seeds)
    yield from audited(json.loads((out / "audit" / "audit.json").read_text()), metrics, names, seeds)


def agreement(judged: dict[str, Any], metrics: Path, out: Path, names: list[str], seeds: list[str]) -> Iterator[str]:
    """Retrieval on the captions of the test photographs, and Kendall's tau-b and tau-c on Flickr8k-Expert."""
    yield from ("| metric | seed | " + " | ".join(WAYS) + " | tau-b | tau-c |", "|---|---|" + "---:|" * (len(WAYS) + 2))
    for name, seed, label in [("CLIP-S", "", "clip"), *((n, s, f"{n}-{s}") for n in names for s in seeds)]:
        found = json.loads((out / f"{label}.json").read_text())
        row = judged["metrics"]["clip_s" if label == "clip" else column(judged["metrics"], metrics, name, seed)]
        taus = ["{:.3f} [{:.3f}, {:.3f}]".format(row[tau], *row["interval"][tau]) for tau in ("tau_b", "tau_c")]
        yield f"| {name} | {seed} | " + " | ".join([*(f"{found[way]:.3f}" for way in WAYS.values()), *taus]) + " |"


def paired(judged: dict[str, Any], metrics: Path, names: list[str], seeds: list[str]) -> Iterator[str]:
    """Differences of tau-c: each metric against CLIP-S and against each metric before it, of the same seed."""
    yield from ("", "| tau-c of | less that of | seed | difference | p |", "|---|---|---|---:|---:|")
    found = {(pair["first"], pair["second"]): pair for pair in judged["differences"] if pair["result"] == "tau_c"}
    for seed in seeds:
        columns = {"CLIP-S": "clip_s"} | {name: column(judged["metrics"], metrics, name, seed) for name in names}
        for (first, one), (second, other) in combinations(columns.items(), 2):
            pair = found[one, other]
            spread = f"{pair['difference']:+.3f} [{pair['low']:+.3f}, {pair['high']:+.3f}]"
            yield f"| {second} | {first} | {seed} | {spread} | {pair['p']:.3f} |"


def audited(record: dict[str, Any], metrics: Path, names: list[str], seeds: list[str]) -> Iterator[str]:
    """Percent of pairs whose corrupted caption scores higher, as the mean over seeds."""
    higher = {(row["corruption"], row["metric"]): 100 * row["higher"] for row in record["rows"] if row["count"]}
    known = {metric: "" for _, metric in higher}
    columns = {name: [column(known, metrics, name, seed) for seed in seeds] for name in names}
    yield from ("", "| corruption | CLIP-S | " + " | ".join(columns) + " |", "|---|---:|" + "---:|" * len(columns))
    for corruption in dict.fromkeys(kind for kind, _ in higher):
        means = [np.mean([higher[corruption, one] for one in of_seeds]) for of_seeds in columns.values()]
        cells = [f"{value:.1f}" for value in (higher[corruption, "clip_s"], *means)]
        yield f"| {corruption} | " + " | ".join(cells) + " |"


def column(known: Mapping[str, Any], metrics: Path, name: str, seed: str) -> str:
    """The name that judge and audit give to a metric: its score, or its spec when several have that score."""
    spec = score(metrics, name, seed)
    return spec if spec in known else METRICS[name].score
