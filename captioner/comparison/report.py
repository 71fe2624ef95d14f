"""A comparison as files: comparison.md, .csv and .json, and index.html, one page that needs nothing else."""

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
from captioner.comparison.table import MARK, Cell, Comparison, Row
from captioner.pages import render
from metric.storage.atomic_files import write_json

GallerySource = tuple[str, Image.Image, Sequence[str]]  # id, picture, references
PICTURE_SIZE = 192  # pixels of the longer side
# words that an ordinary sentence says more than once
FUNCTION_WORDS = frozenset("a an the of on in at to and with is are by from near next left right side it its".split())
LEGEND = f"{MARK} the score that the row was trained on. Bold: best of its column, where one direction is better."


class Exhibit(NamedTuple):
    """A picture of the gallery: what people say of it and what each row says of it."""

    id: str
    picture: str
    references: Sequence[str]
    captions: list[list[tuple[str, bool]]]


def write(comparison: Comparison, gallery: Sequence[GallerySource], out: Path) -> None:
    """All four files into `out`; `gallery` are the pictures shown, each with its references."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.md").write_text(markdown(comparison), encoding="utf-8")
    (out / "comparison.csv").write_text(as_csv(comparison), encoding="utf-8", newline="")
    write_json(out / "comparison.json", as_json(comparison))
    (out / "index.html").write_text(html(comparison, gallery), encoding="utf-8")


def markdown(comparison: Comparison) -> str:
    """What was compared, the table, its legend, and what is missing."""
    heading = comparison.headings()
    lines = ["# What each reward did to the captions", ""]
    lines += [f"- {name}: {value}" for name, value in comparison.facts().items()]
    lines += ["", "| " + " | ".join(heading) + " |", "| :-- | --: |" + " --: |" * len(comparison.columns)]
    for row, cells in zip(comparison.rows, comparison.cells()):
        shown = [row.label.replace("|", "\\|"), str(len(row.seeds)), *map(markdown_cell, cells)]
        lines.append("| " + " | ".join(shown) + " |")
    lines += ["", f"Mean ± sample standard deviation over seeds. {LEGEND}", *notes(comparison, "- ")]
    lines += ["", "Signatures", "", *(f"- {row.label}: `{row.signature}`" for row in comparison.rows)]
    return "\n".join(lines) + "\n"


def markdown_cell(cell: Cell) -> str:
    return str(cell._replace(mean=f"**{cell.mean}**")) if cell.best else str(cell)


def notes(comparison: Comparison, bullet: str = "") -> list[str]:
    """What must be known beside the numbers: scores not measured alike, scores not there."""
    missing = [f"Not shown: {line}" for line in comparison.missing()]
    return [bullet + line for line in (*watched(comparison), *comparison.disagreements(), *missing)]


def watched(comparison: Comparison) -> list[str]:
    """The first evaluation of each run at which the watch saw a guard fall."""
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
    """A line a row; each score as mean and `_std`, empty where there is none."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    names = [column.name for column in comparison.columns]
    table.writerow(
        ["label", "signature", "seeds", "trained_on", *(text for name in names for text in (name, f"{name}_std"))]
    )
    for row in comparison.rows:
        numbers = [row.scores.get(name) for name in names]
        pairs = [(number.mean, number.spread) if number else (None, None) for number in numbers]
        trained = [name for name in names if row.first.trained_on(name)]
        table.writerow(
            [
                row.label,
                row.signature,
                " ".join(map(str, row.seeds)),
                " ".join(trained),
                *(n for pair in pairs for n in pair),
            ]
        )
    return file.getvalue()


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Everything behind the table, unrounded, with the value of each seed."""
    return {
        "split": comparison.split,
        "data": comparison.rows[0].first.config["data"],
        "count": comparison.rows[0].first.count,
        "facts": comparison.facts(),
        "notes": notes(comparison),
        "rows": [row_as_json(row) for row in comparison.rows],
    }


def row_as_json(row: Row) -> dict[str, Any]:
    return {
        "label": row.label,
        "signature": row.signature,
        "rewards": list(row.first.config["rewards"]),
        "seeds": list(row.seeds),
        "runs": [str(outcome.folder) for outcome in row.outcomes],
        "trained_on": [name for name in row.scores if row.first.trained_on(name)],
        "scores": {
            name: {"mean": score.mean, "std": score.spread, "values": list(score.values)}
            for name, score in row.scores.items()
        },
        "skipped": row.first.skipped,
    }


def html(comparison: Comparison, gallery: Sequence[GallerySource]) -> str:
    """One page without any address: figures and pictures are inside."""
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
        gallery=[exhibit(comparison, *shown) for shown in gallery],
    )


def exhibit(comparison: Comparison, name: str, picture: Image.Image, references: Sequence[str]) -> Exhibit:
    """The captions are those of each row's lowest seed."""
    for row in comparison.rows:
        if name not in row.first.captions:
            raise ValueError(f"{row.first.folder} has no caption of picture {name}; evaluate it again")
    captions = [repeated_words(row.first.captions[name]) for row in comparison.rows]
    return Exhibit(name, embedded(picture), references, captions)


def embedded(picture: Image.Image) -> str:
    """A JPEG as a data address, at most PICTURE_SIZE wide and high."""
    small = picture.convert("RGB")
    small.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def repeated_words(caption: str) -> list[tuple[str, bool]]:
    """The words, each with whether it repeats: said before and no function word, or twice in a row."""
    words = caption.split()
    plain = [word.lower().strip(".,;:!?") for word in words]
    return [
        (word, i > 0 and (same == plain[i - 1] or (same not in FUNCTION_WORDS and same in plain[:i])))
        for i, (word, same) in enumerate(zip(words, plain))
    ]
