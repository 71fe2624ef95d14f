"""The training log of every trainer: rows of JSON in a file, and the same numbers for TensorBoard and for trackers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.utils.tensorboard import SummaryWriter

from metric.runtime.trackers import trackers

if TYPE_CHECKING:
    from typing import Self


class Log:
    """Appends to the file `rows`, one JSON object a line, and to the TensorBoard folder `board`.

    `stage` is the first key of a row and the first part of a TensorBoard tag; "" is for trainers of one stage.
    """

    def __init__(self, rows: Path, board: Path) -> None:
        rows.parent.mkdir(parents=True, exist_ok=True)
        self.file = rows.open("a", encoding="utf-8", errors="backslashreplace")
        self.board = SummaryWriter(str(board))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.board.close()

    def step(self, step: int, numbers: Mapping[str, float], stage: str = "") -> None:
        """The numbers of one training step, counted from 1."""
        self.write(step, numbers, stage)
        self.scalars(step, numbers, stage)

    def cautions(self, lines: Sequence[str], stage: str = "") -> None:
        """Warnings about the settings, before the first step. No line, no row."""
        if lines:
            self.write(0, {"cautions": lines}, stage)
            self.board.add_text(tag(stage, "cautions"), "  \n".join(lines), 0)

    def write(self, step: int, row: Mapping[str, Any], stage: str) -> None:
        """One row, which is on disk before the next step begins. A number that JSON does not know becomes null."""
        place = {"stage": stage, "step": step} if stage else {"step": step}
        numbers = {name: None if endless(value) else value for name, value in row.items()}
        self.file.write(json.dumps({**place, **numbers}, ensure_ascii=False, allow_nan=False) + "\n")
        self.file.flush()

    def scalars(self, step: int, numbers: Mapping[str, float], stage: str) -> None:
        for name, value in numbers.items():
            self.board.add_scalar(tag(stage, name), value, step)
        trackers().log({tag(stage, name): value for name, value in numbers.items()}, step, stage)


def endless(value: Any) -> bool:
    """Whether a value is an infinite number or none, as the gradient norm of an fp16 step that overflowed."""
    return isinstance(value, float) and not isfinite(value)


def tag(stage: str, name: str) -> str:
    return f"{stage}/{name}" if stage else name
