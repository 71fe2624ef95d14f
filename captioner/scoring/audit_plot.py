"""The audit of metrics as a picture: the share of pairs in which a metric prefers the worse caption, with intervals.

The picture has a background of its own, so that it reads on light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metric.judgement.audit import Audit, Row

# Okabe and Ito's colours stay apart for colour-blind eyes; markers stay apart without colours
STYLES = (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "D"), ("#cc79a7", "^"), ("#56b4e9", "v"), ("#e69f00", "P"))
INK, GREY, BAND = "#1f2328", "#59636e", "#f3f5f7"
TITLE = "How often does a metric prefer the worse caption?"
SUBTITLE = (
    "Each caption was made worse by rule. Percent of pairs in which the worse caption scores higher, 95 % intervals."
)
TICKS = {0: "0 %\nnever", 25: "25 %", 50: "50 %\nas often as not", 75: "75 %", 100: "100 %\nalways"}
LONGEST, COLUMNS = 62, 3  # letters of an example, columns of the legend


def draw_audit(audit: Audit, path: Path, titles: Mapping[str, str] | None = None) -> None:
    """Draw a row for each corruption, the most harmful first, and a marker for each metric.

    An example stands below the corruption's name. `titles` maps metrics of the audit to names in the legend.
    """
    order = sorted(audit.corruptions, key=lambda name: -harm(audit, name))
    above = 0.97 + 0.28 * ceil(len(audit.metrics) / COLUMNS)  # inches, with a line of the legend for COLUMNS metrics
    height = above + 0.65 + 0.58 * len(order)
    figure = Figure(figsize=(10, height), facecolor="white")
    axes = figure.subplots()
    figure.subplots_adjust(left=0.44, right=0.95, bottom=0.65 / height, top=1 - above / height)
    for number, metric in enumerate(audit.metrics):
        rows = [audit.row(name, metric) for name in order]
        offset = min(0.2, 0.9 / len(audit.metrics)) * (number - (len(audit.metrics) - 1) / 2)
        mark(axes, rows, np.arange(len(order)) + offset, (titles or {}).get(metric, metric), number)
    frame(axes, order, audit)
    figure.text(0.02, 1 - 0.38 / height, TITLE, fontsize=16, weight="bold", color=INK)
    figure.text(0.02, 1 - 0.67 / height, SUBTITLE, fontsize=10.5, color=GREY)
    anchor: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.03, 1.0), "borderaxespad": 0.2}
    axes.legend(
        **anchor, ncols=COLUMNS, frameon=False, fontsize=12, labelcolor=INK, columnspacing=1.6, handletextpad=0.3
    )
    figure.savefig(path, dpi=150)


def harm(audit: Audit, corruption: str) -> float:
    """The largest share of any metric; 0 for a corruption that no caption allows."""
    return max((row.higher for row in audit.rows if row.corruption == corruption and row.count), default=0)


def mark(axes: Axes, rows: list[Row], places: np.ndarray, title: str, number: int) -> None:
    """A metric's shares and intervals."""
    colour, marker = STYLES[number % len(STYLES)]
    share = np.array([row.higher for row in rows])
    around = np.array([[row.higher - row.low, row.high - row.higher] for row in rows]).clip(0).T
    axes.errorbar(
        100 * share, places, xerr=100 * around, fmt=marker, markersize=7, color=colour, elinewidth=2, label=title
    )


def frame(axes: Axes, order: list[str], audit: Audit) -> None:
    """Names and examples at the left, a band a corruption, the line of chance."""
    # left of the plot
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    for place, name in enumerate(order):
        if place % 2 == 0:
            axes.axhspan(place - 0.5, place + 0.5, -0.82, 1, color=BAND, zorder=0, linewidth=0, clip_on=False)
        axes.text(-0.02, place - 0.16, name, fontsize=12, color=INK, **beside)
        example = shortened(audit.samples[name][1]) if name in audit.samples else ""
        axes.text(-0.02, place + 0.21, example, fontsize=8.5, color=GREY, style="italic", **beside)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_yticks([])
    axes.axvline(50, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set_xticks(list(TICKS), list(TICKS.values()), color=INK, fontsize=11)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def shortened(text: str) -> str:
    """An example that fits below its name. The end is kept, since repetitions and broken endings are at the end."""
    return text if len(text) <= LONGEST else "... " + text[-LONGEST:].partition(" ")[2]
