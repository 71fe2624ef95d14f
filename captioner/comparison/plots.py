"""Draws the training curves of a comparison as SVG. The page sets the colour and the font of the text.

Axes: s seeds, t evaluations (or steps).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from itertools import cycle
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captioner.comparison.table import Row, column
from captioner.pages import COLOURS
from captioner.runs.labels import label
from captioner.runs.outcome import Outcome

# dashes serve readers who cannot tell the hues apart
DASHES = ("", "7 2", "7 2 2 2", "3 2", "10 3", "2 1", "10 2 2 2 2 2")
XE_COLOUR, XE_DASH = "#8a8a8a", "2 2"
INK = "#010203"  # replaced by the text colour of the page when the SVG is written

HARM = ("rep_4", "incorrect", "bad_endings", "scene_grammatical", "scene_truth", "scene_recall")
FOLLOWED = ("rep_4", "length", "kl", "incorrect", "bad_endings", "scene_grammatical", "scene_truth", "scene_recall")
GRID = 60  # points of a curve at equal gain


class Curve(NamedTuple):
    """Numbers along a run: steps or gains `x`, `t`, and values `y`, `s t`."""

    x: np.ndarray
    y: np.ndarray


class Plot(NamedTuple):
    """One small figure. `svg` is markup for the page."""

    title: str
    section: str
    svg: str


STEPS, GAIN, REWARD = "Along the reward stage", "At equal gain", "What was trained"


def plots(rows: Sequence[Row]) -> list[Plot]:
    """All figures: the trained rewards, scores of the captions along the steps, and scores at equal gain."""
    drawn = []
    for name in dict.fromkeys(label(row.first.rewards) for row in rows if row.first.rewards):
        curves = [training(row, "reward") if label(row.first.rewards) == name else None for row in rows]
        drawn.append(draw(f"Reward {name.removeprefix('+')}", REWARD, curves, rows, "step"))
    for name in FOLLOWED:
        curves = [over_steps(row, name) for row in rows]
        drawn.append(draw("KL" if name == "kl" else column(name).title, STEPS, curves, rows, "step"))
    for name in HARM:
        curves = [over_gain(row, name) for row in rows]
        drawn.append(draw(column(name).title, GAIN, curves, rows, "gain in the trained score, % of XE"))
    return [plot for plot in drawn if plot]


def style(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Colour and dashes of each row, as SVG writes them. Rows without a reward are grey."""
    lines = cycle(zip(COLOURS, DASHES))
    return [next(lines) if row.first.rewards else (XE_COLOUR, XE_DASH) for row in rows]


def evaluations(outcome: Outcome) -> list[dict]:
    """The evaluations of the reward stage. A run without a reward gives its last evaluation, as step 0.

    Training decodes plainly, so another evaluation of the run has none.
    """
    if outcome.variant.label:
        return []
    validations = [line for line in outcome.metrics if any(key.startswith("val/") for key in line)]
    if outcome.rewards:
        return [line for line in validations if line["stage"] == "reward"]
    return [{**line, "step": 0} for line in validations[-1:]]


def training(row: Row, name: str) -> Curve | None:
    """A figure of the training batches along the reward stage."""
    if row.first.variant.label:  # the curve is that of the plain evaluation
        return None
    lines = [[line for line in outcome.metrics if line["stage"] == "reward"] for outcome in row.outcomes]
    return together([{line["step"]: line[name] for line in seed if name in line} for seed in lines])


def over_steps(row: Row, name: str) -> Curve | None:
    """A validation score along the reward stage."""
    lines = [evaluations(outcome) for outcome in row.outcomes]
    return together([{line["step"]: line[f"val/{name}"] for line in seed if f"val/{name}" in line} for seed in lines])


def together(seeds: Sequence[dict[int, float]]) -> Curve | None:
    """A curve over the steps that every seed has, or None without such steps."""
    steps = sorted(set.intersection(*map(set, seeds)))
    return Curve(np.array(steps), np.array([[seed[step] for step in steps] for seed in seeds])) if steps else None


def over_gain(row: Row, name: str) -> Curve | None:
    """A score against the gain in the trained score, in percent of the trained score at step 0 (XE).

    A seed is read where it first reached the gain. The curve ends at the largest gain that all seeds reached.
    """
    score = followed_score(row)
    if score is None:
        return None
    gained, harm = over_steps(row, score), over_steps(row, name)
    if gained is None or harm is None or not np.array_equal(gained.x, harm.x):
        return None
    if gained.x[0] != 0 or gained.y[:, 0].min() <= 0:  # a percentage needs a positive value at step 0
        return None
    gains = 100 * (gained.y / gained.y[:, :1] - 1)  # s t
    grid = np.linspace(0, gains.max(axis=1).min(), GRID)
    return Curve(grid, np.array([at_gain(*seed, grid) for seed in zip(gains, harm.y)]))


def followed_score(row: Row) -> str | None:
    """The first validation score that the row was trained to raise."""
    names = [key.removeprefix("val/") for line in evaluations(row.first) for key in line if key.startswith("val/")]
    return next((name for name in names if row.first.trained_on(name) and column(name).better > 0), None)


def at_gain(gains: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns `values` at the first points where `gains` reached each number of `targets`. `t`, `t`, `n` -> `n`.

    Values between two evaluations lie on a straight line. A gain that is never reached gives NaN. A gain that is
    reached and lost again counts as reached.
    """
    best = np.maximum.accumulate(gains)
    after = np.searchsorted(best, targets)  # first evaluation with at least this gain
    reached = after < len(gains)
    after = np.where(reached, after, 0)
    before = np.maximum(after - 1, 0)
    rise = gains[after] - gains[before]
    share = np.divide(targets - gains[before], rise, out=np.zeros(len(targets)), where=rise > 0)
    between = values[before] + np.clip(share, 0, 1) * (values[after] - values[before])
    return np.where(reached, between, np.nan)


def draw(title: str, section: str, curves: Sequence[Curve | None], rows: Sequence[Row], x: str) -> Plot | None:
    """Draws a line for each row: the mean of its seeds, in a band of one standard deviation. None without numbers."""
    if all(curve is None or (len(curve.x) < 2 and row.first.rewards) for curve, row in zip(curves, rows)):
        return None
    figure = Figure(figsize=(3.0, 2.0), layout="constrained")
    axes = figure.add_subplot()
    for curve, (colour, dashes) in zip(curves, style(rows)):
        if curve is not None:
            line(axes, curve, colour, tuple(map(float, dashes.split())))
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(color=INK, alpha=0.12, linewidth=0.6)
    axes.locator_params(nbins=5)
    if min(axes.dataLim.intervaly) >= 0:
        axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))  # no room below 0 for scores that are never negative
    return Plot(title, section, svg(figure, f"{section}: {title}"))


def line(axes: Axes, curve: Curve, colour: str, dashes: tuple[float, ...]) -> None:
    """Draws one curve, or a level line for a single point."""
    mean = curve.y.mean(axis=0)  # t
    linestyle = (0, dashes) if dashes else "-"
    if len(curve.x) == 1:
        axes.axhline(mean[0], color=colour, linewidth=1.6, linestyle=linestyle)
        return
    axes.plot(curve.x, mean, color=colour, linewidth=1.6, linestyle=linestyle)
    if len(curve.y) > 1:
        spread = curve.y.std(axis=0, ddof=1)  # t
        axes.fill_between(curve.x, mean - spread, mean + spread, color=colour, alpha=0.16, linewidth=0)


def svg(figure: Figure, name: str) -> str:
    """The figure as markup inside a page, without links, fixed fonts, fixed text colours and ids of groups."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    markup = file.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r'\sxmlns(:\w+)?="[^"]*"|<metadata>.*?</metadata>', "", markup, flags=re.DOTALL)
    markup = re.sub(r'(<g|<text|<path) id="[a-zA-Z]+_?[\d_]*"', r"\1", markup)
    markup = re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[^"]*pt"', r"\1", markup, count=2)
    return markup.replace(INK, "currentColor").replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
