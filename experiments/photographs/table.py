"""The tables of the experiment as one Markdown file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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
    """A row a run: the means over the test photographs, and the number of different captions."""
    if runs:
        columns = [*FORM, "different"]
        yield from ("", "| run | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns))
    for run in runs:
        scores = json.loads((run / "scores-test.json").read_text(encoding="utf-8"))["corpus"]
        lines = (run / "captions-test.jsonl").read_text(encoding="utf-8").splitlines()
        different = {json.loads(line)["caption"] for line in lines}
        cells = [*(f"{scores[name]:.3f}" for name in FORM), str(len(different))]
        yield f"| {run.name} | " + " | ".join(cells) + " |"
