"""Positives of drawn scenes: another wording and another picture of the same scene."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from PIL import Image

from metric.positives.sources import ScenePositives
from metric.positives.units import Unit

RENDERER = "renderer"


class SceneCaptions:
    """Another wording of each scene."""

    facts: dict[str, Any] = {"model": RENDERER}

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return [ScenePositives().text(unit.example, unit.caption, random.Random(unit.seed)) for unit in units]


class ScenePictures:
    """Another picture of each scene."""

    suffix = "png"
    facts: dict[str, Any] = {"model": RENDERER}

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]:
        return [ScenePositives().image(unit.example, unit.caption, random.Random(unit.seed)).draw() for unit in units]
