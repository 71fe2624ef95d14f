"""The training log of a captioner: numbers, and captions of a few validation pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from captioner.runs.folder import RunFolder
from metric.runtime.log import Log, tag

Samples = Mapping[str, tuple[Image.Image, str]]
"""A picture and its caption, by the picture's id."""


class CaptionLog(Log):
    """metrics.jsonl and tensorboard/ of a run folder."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder.metrics_file, folder.tensorboard)
        self.pictures_shown: set[str] = set()

    def evaluation(
        self, step: int, scores: Mapping[str, float], samples: Samples, stage: str, alarms: Sequence[str] = ()
    ) -> None:
        """Validation scores, sample captions, and the lines of the reward watch about guards that fell."""
        numbers = {f"val/{name}": value for name, value in scores.items()}
        captions = {name: caption for name, (_, caption) in samples.items()}
        watch = {"watch": alarms} if alarms else {}
        self.write(step, {**numbers, "captions": captions, **watch}, stage)
        self.scalars(step, numbers, stage)
        self.pictures(step, samples, stage)
        if alarms:
            self.board.add_text(tag(stage, "watch"), "  \n".join(alarms), step)

    def pictures(self, step: int, samples: Samples, stage: str) -> None:
        """Captions at every call. A picture only once, because pictures are large and stay the same."""
        for name, (picture, caption) in samples.items():
            if name not in self.pictures_shown:
                self.board.add_image(name, np.asarray(picture), step, dataformats="HWC")
                self.pictures_shown.add(name)
            self.board.add_text(tag(stage, name), caption, step)
