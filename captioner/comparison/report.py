"""Writes a comparison as comparison.md, comparison.csv, comparison.json and index.html.

The page is one file, which needs no network.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from captioner.comparison.plots import plots, style
from captioner.comparison.significance import HEADINGS, NOTE, Pair, pairs
from captioner.comparison.significance import lines as test_lines
from captioner.comparison.table import MARK, Cell, Comparison, Row
from captioner.pages import render
from metric.storage.atomic_files import write_json

GallerySource = tuple[str, Image.Image, Sequence[str]]  # id, picture, references
PICTURE_SIZE = 192  # pixels of the longer side
# words that an ordinary sentence has more than once
FUNCTION_WORDS = frozenset("a an the of on in at to and with is are by from near next left right side it its".split())
LEGEND = (
    f"{MARK} marks the score that a row was trained on, or that chose its captions. Bold is the best of a column with "
    "a better direction."
)


class Exhibit(NamedTuple):
    """A picture of the gallery, with the references and the caption of each row."""

    id: str
    picture: str
    references: Sequence[str]
    captions: list[list[tuple[str, bool]]]


def write(comparison: Comparison, gallery: Sequence[GallerySource], out: Path) -> None:
    """Writes the four files into the folder `out`. `gallery` has the pictures of the page."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.md").write_text(markdown(comparison), encoding="utf-8")
    (out / "comparison.csv").write_text(as_csv(comparison), encoding="utf-8", newline="")
    write_json(out / "comparison.json", as_json(comparison))
    (out / "index.html").write_text(html(comparison, gallery), encoding="utf-8")


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
        gallery=[exhibit(comparison, *shown) for shown in gallery],
    )


def exhibit(comparison: Comparison, name: str, picture: Image.Image, references: Sequence[str]) -> Exhibit:
    """A picture of the gallery, with the captions of the lowest seed of each row. ValueError without a caption."""
    for row in comparison.rows:
        if name not in row.first.captions:
            raise ValueError(
                f"{row.first.folder} has no caption of picture {name}; type `captioner evaluate {row.first.folder}`"
            )
    captions = [repeated_words(row.first.captions[name]) for row in comparison.rows]
    return Exhibit(name, embedded(picture), references, captions)


def embedded(picture: Image.Image) -> str:
    """The picture as a data URL of a JPEG, at most PICTURE_SIZE pixels wide and high."""
    small = picture.convert("RGB")
    small.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def repeated_words(caption: str) -> list[tuple[str, bool]]:
    """Returns the words, and whether a word is a repetition.

    A function word is a repetition only directly after itself. Any other word is one anywhere after its first use.
    """
    words = caption.split()
    plain = [word.lower().strip(".,;:!?") for word in words]
    return [
        (word, i > 0 and (same == plain[i - 1] or (same not in FUNCTION_WORDS and same in plain[:i])))
        for i, (word, same) in enumerate(zip(words, plain))
    ]
