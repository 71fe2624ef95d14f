"""What the demo prints at its end: a few scores of each run, and captions of its last scenes side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from captioner.comparison.table import MARK, Comparison, compare
from captioner.runs.outcome import Outcome

SHOWN = (
    *("cider", "clip_s", "pac_spp", "pac_spp_hard", "scene_truth", "scene_recall", "scene_grammatical"),
    *("rep_4", "bad_endings", "length"),
)
SCENES = 3


def show(names: Mapping[Path, str], split: str, console: Console) -> Comparison:
    """Prints both tables. `names` has the printed name of each run folder. Returns the comparison of all runs."""
    comparison = compare(list(names), split)
    console.print(score_table(comparison, list(names.values())))
    console.print(f"{MARK} trained on this score   * best of the line\n")
    console.print(caption_table(comparison.outcomes, list(names.values())))
    return comparison


def score_table(comparison: Comparison, names: Sequence[str]) -> Table:
    """A line a score, a column a run."""
    table = Table("", *names, box=None)
    for column in comparison.columns:
        if column.name in SHOWN:
            table.add_row(column.title, *(f"{cell}{'*' if cell.best else ''}" for cell in comparison.line(column)))
    return table


def caption_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> Table:
    """The captions of the last scenes of the split: a line a run, a column a scene."""
    scenes = sorted(outcomes[0].captions)[-SCENES:]
    table = Table("", *scenes)
    for name, outcome in zip(names, outcomes):
        table.add_row(name, *(outcome.captions[scene] for scene in scenes))
    return table
