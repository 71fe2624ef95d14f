"""The best evaluation of a stage by the score of --keep-best, and the patience of cross-entropy.

`rows` are those of metrics.jsonl, so a resumed run chooses as the unbroken one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from captioner.config import Run
from metric.scores.catalogue import direction

Rows = Sequence[Mapping[str, Any]]
Curve = list[tuple[int, float]]
"""Steps with the values of a score."""


def curve(rows: Rows, stage: str, score: str) -> Curve:
    """The validation values of a score in a stage, in the order of the steps."""
    key = f"val/{score}"
    return [(row["step"], row[key]) for row in rows if row["stage"] == stage and row.get(key) is not None]


def is_better(score: str, before: Curve, value: float) -> bool:
    """Whether a value is better than all before. Of equal values the first is the best."""
    return all(direction(score) * value > direction(score) * other for _, other in before)


def best(score: str, values: Curve) -> tuple[int, float]:
    """The step and the value of the best evaluation."""
    return max(values, key=lambda at: (direction(score) * at[1], -at[0]))


def out_of_patience(run: Run, rows: Rows) -> str:
    """Why cross-entropy ends before its last step; "" while patience is left, or where the run has none."""
    values = curve(rows, "xe", run.best_score)
    if not run.xe.patience or not values:
        return ""
    step, value = best(run.best_score, values)
    waited = sum(other > step for other, _ in values)
    if waited < run.xe.patience:
        return ""
    return f"no better {run.best_score} than {value:.3f} of step {step} in {waited} evaluation{'s' * (waited > 1)}"
