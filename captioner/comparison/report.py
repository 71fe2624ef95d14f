"""Writes a comparison as comparison.md, comparison.csv, comparison.json and index.html.

The page is one file, which needs no network.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from captioner.comparison.exhibits import GallerySource, gallery_of
from captioner.comparison.plots import plots, style
from captioner.comparison.significance import HEADINGS, NOTE, Pair, pairs
from captioner.comparison.significance import lines as test_lines
from captioner.comparison.table import MARK, Cell, Comparison, Row
from captioner.pages import render
from metric.storage import atomic_files

LEGEND = (
    f"{MARK} marks the score that a row was trained on, or that chose its captions. Bold is the best of a column with "
    "a better direction."
)


def write(comparison: Comparison, gallery: Sequence[GallerySource], out: Path) -> None:
    """Writes the four files into the folder `out`. `gallery` has the pictures of the page."""
    out.mkdir(parents=True, exist_ok=True)
    atomic_files.write(out / "comparison.md", markdown(comparison))
    atomic_files.write(out / "comparison.csv", as_csv(comparison))
    atomic_files.write_json(out / "comparison.json", as_json(comparison))
    atomic_files.write(out / "index.html", html(comparison, gallery))


def markdown(comparison: Comparison) -> str:
    """The content of comparison.md: data, table, legend, notes and signatures."""
    heading = comparison.headings()
    lines = ["# What each reward did to the captions", ""]
    lines += [f"- {name}: {value}" for name, value in comparison.facts().items()]
    lines += ["", "| " + " | ".join(heading) + " |", "| :-- | --: |" + " --: |" * len(comparison.columns)]
    for row, cells in zip(comparison.rows, comparison.cells()):
        shown = [row.label.replace("|", "\\|"), str(len(row.seeds)), *map(markdown_cell, cells)]
        lines.append("| " + " | ".join(shown) + " |")
    lines += ["", f"Numbers are means over seeds ± the sample standard deviation. {LEGEND}", *notes(comparison, "- ")]
    lines += ["", "Scored models", "", *(f"- {row.label}: {row.models}" for row in comparison.rows)]
    for title, rows in tests_of(comparison):
        lines += ["", f"{title}", "", "| " + " | ".join(HEADINGS) + " |", "| :-- |" + " --: |" * (len(HEADINGS) - 1)]
        lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    lines += ["", NOTE] if len(comparison.rows) > 1 else []
    lines += ["", "Signatures", "", *(f"- {row.label}: `{row.signature}`" for row in comparison.rows)]
    return "\n".join(lines) + "\n"


def tests_of(comparison: Comparison) -> list[tuple[str, list[list[str]]]]:
    """The tests against the first row: a title, and cells under HEADINGS of each score."""
    return test_lines(comparison, pairs(comparison))


def markdown_cell(cell: Cell) -> str:
    """The cell in Markdown, bold when it is the best of its column."""
    return str(cell._replace(mean=f"**{cell.mean}**")) if cell.best else str(cell)


def notes(comparison: Comparison, bullet: str = "") -> list[str]:
    """Notes on the numbers: falls seen by the watch, scores measured in different ways, absent scores."""
    missing = [f"Not shown: {line}" for line in comparison.missing()]
    return [bullet + line for line in (*watched(comparison), *comparison.disagreements(), *missing)]


def watched(comparison: Comparison) -> list[str]:
    """One line for each run: the first evaluation at which the watch saw a guard fall."""
    lines = []
    for row in comparison.rows:
        for outcome in row.outcomes:
            fell = next((line for line in outcome.metrics if line.get("watch")), None)
            if fell:
                lines.append(
                    f"Watch: {row.label}, seed {outcome.seed}, step {fell['step']}: {'; '.join(fell['watch'])}"
                )
    return lines


def as_csv(comparison: Comparison) -> str:
    """The content of comparison.csv: a line a row. A score has two columns, the mean and, as `_std`, the deviation."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    names = [column.name for column in comparison.columns]
    about = ["label", "signature", "seeds", "models", "trained_on"]
    table.writerow(about + [text for name in names for text in (name, f"{name}_std")])
    for row in comparison.rows:
        numbers = [row.scores.get(name) for name in names]
        pairs = [(number.mean, number.spread) if number else (None, None) for number in numbers]
        trained = [name for name in names if row.first.trained_on(name)]
        table.writerow(
            [
                row.label,
                row.signature,
                " ".join(map(str, row.seeds)),
                row.models,
                " ".join(trained),
                *(n for pair in pairs for n in pair),
            ]
        )
    return file.getvalue()


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The content of comparison.json: unrounded numbers, with the value of each seed."""
    return {
        "split": comparison.split,
        "data": comparison.rows[0].first.config["data"],
        "count": comparison.rows[0].first.count,
        "facts": comparison.facts(),
        "notes": notes(comparison),
        "rows": [row_as_json(row) for row in comparison.rows],
        "tests": [pair_as_json(pair) for pair in pairs(comparison)],
    }


def row_as_json(row: Row) -> dict[str, Any]:
    """A row in comparison.json."""
    return {
        "label": row.label,
        "signature": row.signature,
        "rewards": list(row.first.config["rewards"]),
        "seeds": list(row.seeds),
        "runs": [str(outcome.folder) for outcome in row.outcomes],
        "checkpoints": [{"name": run.checkpoint, "stage": run.stage, "step": run.step} for run in row.outcomes],
        "trained_on": [name for name in row.scores if row.first.trained_on(name)],
        "scores": {
            name: {"mean": score.mean, "std": score.spread, "values": list(score.values)}
            for name, score in row.scores.items()
        },
        "skipped": row.first.skipped,
    }


def pair_as_json(pair: Pair) -> dict[str, Any]:
    """The tests between two rows in comparison.json: second minus first, of every score."""
    scores = {
        tested.score: {
            "difference": tested.difference,
            "over_pictures": tested.pictures._asdict() if tested.pictures else None,
            "p_over_seeds": tested.seeds,
        }
        for tested in pair.scores
    }
    return {"first": pair.first, "second": pair.second, "scores": scores}


def html(comparison: Comparison, gallery: Sequence[GallerySource]) -> str:
    """The content of index.html. Figures and pictures are inside the page."""
    families = [(family, len(list(same))) for family, same in groupby(column.family for column in comparison.columns)]
    drawn = plots(comparison.rows)
    shown = gallery_of(comparison, gallery)
    return render(
        "report.html.j2",
        comparison=comparison,
        facts=comparison.facts(),
        families=families,
        table=list(zip(comparison.rows, style(comparison.rows), comparison.cells())),
        legend=LEGEND,
        mark=MARK,
        notes=notes(comparison),
        sections=[(name, list(same)) for name, same in groupby(drawn, key=lambda plot: plot.section)],
        tests=tests_of(comparison),
        test_headings=HEADINGS,
        test_note=NOTE,
        gallery=shown,
        gallery_scores={
            "better": [column.better for column in shown.columns],
            "pictures": {exhibit.id: exhibit.scores for exhibit in shown.exhibits},
        },
    )
