"""A contact sheet of positives, for a look at them before a training run."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from metric.example import Example, UnreadableImage, open_image
from metric.positives.filter import read_about, used
from metric.positives.shards import Sample, read, shards_in

SHEET = "contact-sheet.png"
ROWS, COLUMNS = 4, 3
WIDTH = 46  # letters in a line


def contact_sheet(folder: Path, examples: dict[str, Example]) -> None:
    """Draw twelve samples from the least similar to the most: the picture, v' on its right, both captions below."""
    from matplotlib.figure import Figure

    about = read_about(folder)
    chosen = spread_out([sample for sample in read(shards_in(folder)) if sample.text or sample.image], ROWS * COLUMNS)
    figure = Figure(figsize=(5 * COLUMNS, 3.6 * ROWS), layout="constrained")
    grid = figure.subplots(ROWS, 2 * COLUMNS, squeeze=False).reshape(-1, 2)
    for axes in grid.flat:
        axes.set_axis_off()
    for (left, right), sample in zip(grid, chosen):
        draw(left, right, sample, examples[sample.record["id"]], about)
    figure.suptitle(f"{folder.name}: from the least similar to the most; left v, right v'")
    figure.savefig(folder / SHEET, dpi=80)


def spread_out(samples: list[Sample], count: int) -> list[Sample]:
    """`count` samples, evenly spaced in the order of similarity."""
    samples.sort(key=lambda sample: (min(similarities(sample), default=0.0), sample.key))
    step = max(1.0, (len(samples) - 1) / (count - 1))
    return [samples[round(step * n)] for n in range(min(count, len(samples)))]


def similarities(sample: Sample) -> list[float]:
    values = [sample.record.get(kind, {}).get("similarity") for kind in ("image", "text")]
    return [value for value in values if value is not None]


def draw(left: Any, right: Any, sample: Sample, example: Example, about: dict[str, Any]) -> None:
    lines = [f"{sample.record['id']}  t: {sample.record['caption']}"]
    try:
        left.imshow(open_image(example.image))
    except UnreadableImage:
        lines.append("(the picture cannot be read)")
    if sample.image:
        right.imshow(sample.image.draw())
        lines.append(f"v' {verdict(sample, 'image', about)}")
    if sample.text:
        lines.append(f"t' {verdict(sample, 'text', about)}: {sample.text}")
    text = "\n".join(line for entry in lines for line in textwrap.wrap(entry, WIDTH))
    left.text(0, -0.03, text, transform=left.transAxes, va="top", fontsize=9)


def verdict(sample: Sample, kind: str, about: dict[str, Any]) -> str:
    similarity = sample.record[kind]["similarity"]
    measured = "" if similarity is None else f"{similarity:.3f}"
    return measured + ("" if used(sample, kind, about) else " DROPPED")
