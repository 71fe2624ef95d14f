"""The curve of the rounds: what the captioners say that no reference says, their form, and the metrics' audits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from metric.storage.atomic_files import write, write_json

TITLES = {
    "round": "round",
    "foreign": "captions with a phrase of no reference, %",
    "new_phrases": "new phrases",
    "audit_mean": "audit, mean %",
    "audit_worst": "audit, worst %",
    "rep_4": "Rep-4",
    "bad_endings": "bad endings, %",
    "scene_grammatical": "grammatical, %",
    "scene_truth": "truth, %",
    "cider": "CIDEr",
    "clip_s": "CLIP-S",
    "pac_spp_hard": "own score",
    "length": "words",
    "vocabulary": "vocabulary",
}
SHARES = {"foreign", "audit_mean", "audit_worst"}  # the other percentages are in percent already
DIGITS = {"cider": 3, "clip_s": 3, "pac_spp_hard": 3, "rep_4": 3, "length": 1}
DIGITS |= {"bad_endings": 1, "scene_grammatical": 1, "scene_truth": 1}
DRAWN = ("foreign", "audit_worst", "audit_mean")
INK = "#1f2328"


def report(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """Prints the table, and writes rounds.json, rounds.md and rounds.png."""
    names = [name for name in TITLES if any(name in row for row in rows)]
    table = Table(*[TITLES[name] for name in names], box=None)
    for row in rows:
        table.add_row(*[cell(row, name) for name in names])
    Console(markup=False, highlight=False).print(table)
    lines = ["| " + " | ".join(TITLES[name] for name in names) + " |", "|" + "---:|" * len(names)]
    lines += ["| " + " | ".join(cell(row, name) for name in names) + " |" for row in rows]
    write(out / "rounds.md", "\n".join(lines) + "\n")
    write_json(out / "rounds.json", list(rows))
    draw(rows, out / "rounds.png")


def cell(row: dict[str, Any], name: str) -> str:
    """A number as the table shows it; a dash where the round has none, such as the last round's findings."""
    value = row.get(name)
    if value is None:
        return "-"
    if name in SHARES:
        return f"{100 * value:.1f}"
    return f"{value:.{DIGITS.get(name, 0)}f}"


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Lines over the rounds: shares in percent."""
    figure = Figure(figsize=(7, 4), facecolor="white", layout="constrained")
    axes = figure.subplots()
    for name in DRAWN:
        points = [(row["round"], 100 * row[name]) for row in rows if row.get(name) is not None]
        axes.plot(*zip(*points), marker="o", label=TITLES[name].removesuffix(", %").removesuffix(" %"))
    axes.set_xticks([row["round"] for row in rows])
    axes.set_xlabel("round of hardening", color=INK)
    axes.set_ylabel("percent", color=INK)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
