"""The tables of the experiment as one Markdown file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments.photographs import trust
from experiments.photographs.captions import Setting, scored
from metric.storage.atomic_files import write as write_text

FORM = "cider clip_s pac_spp pac_spp_hard rep_1 rep_4 incorrect bad_endings length".split()


def write(path: Path, metrics: Path, judged: Path, names: list[str], seeds: list[str], setting: Setting) -> None:
    """Writes the tables of all that is there: trust in the metrics, and the form of the captions."""
    lines = list(trust.report(metrics, judged, names, seeds)) if (judged / "audit.txt").exists() else []
    lines += form(list(scored(setting)))
    write_text(path, "\n".join(lines) + "\n")
    print(path.read_text(encoding="utf-8"))


def form(runs: list[Path]) -> Iterator[str]:
    """A row a run: the means over the test photographs."""
    if runs:
        yield from ("", "| run | " + " | ".join(FORM) + " |", "|---|" + "---:|" * len(FORM))
    for run in runs:
        with (run / "scores-test.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        cells = [f"{np.mean([float(row[name]) for row in rows]):.3f}" for name in FORM]
        yield f"| {run.name} | " + " | ".join(cells) + " |"
