"""metrics.jsonl and TensorBoard: the same numbers, and a few captions with their pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from captioner.runs.folder import RunFolder


class Log:
    """Appends to a run's log; one JSON object a line."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.file = RunFolder(out).metrics_file.open("a", encoding="utf-8")
        self.board = SummaryWriter(str(RunFolder(out).tensorboard))
        self.drawn: set[str] = set()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.board.close()

    def step(self, stage: str, step: int, numbers: Mapping[str, float]) -> None:
        self.write({"stage": stage, "step": step, **numbers})
        for name, value in numbers.items():
            self.board.add_scalar(f"{stage}/{name}", value, step)

    def evaluation(
        self,
        stage: str,
        step: int,
        scores: Mapping[str, float],
        samples: Mapping[str, tuple[Image.Image, str]],
        fell: Sequence[str] = (),
    ) -> None:
        """Validation scores, captions of a few pictures by id, and what the watch says of guards that fell."""
        numbers = {f"val/{name}": value for name, value in scores.items()}
        said = {name: caption for name, (_, caption) in samples.items()}
        self.write({"stage": stage, "step": step, **numbers, "captions": said, **({"watch": fell} if fell else {})})
        if fell:
            self.board.add_text(f"{stage}/watch", "  \n".join(fell), step)
        for name, value in numbers.items():
            self.board.add_scalar(f"{stage}/{name}", value, step)
        for name, (picture, caption) in samples.items():
            if name not in self.drawn:  # photographs are large, and stay the same
                self.board.add_image(name, np.asarray(picture), step, dataformats="HWC")
                self.drawn.add(name)
            self.board.add_text(f"{stage}/{name}", caption, step)

    def cautions(self, stage: str, lines: Sequence[str]) -> None:
        """What was said of the settings before the first step."""
        if lines:
            self.write({"stage": stage, "step": 0, "cautions": lines})
            self.board.add_text(f"{stage}/cautions", "  \n".join(lines), 0)

    def write(self, row: Mapping[str, object]) -> None:
        self.file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.file.flush()
