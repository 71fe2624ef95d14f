"""The scenes' own generators: another wording of a scene, another picture of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from PIL import Image

from metric.positives.sources import ScenePositives
from metric.positives.units import Unit

RENDERER = "renderer"


class SceneCaptions:
    facts: dict[str, Any] = {"model": RENDERER}

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return [ScenePositives().text(unit.example, unit.caption, random.Random(unit.seed)) for unit in units]


class ScenePictures:
    suffix = "png"
    facts: dict[str, Any] = {"model": RENDERER}

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]:
        return [ScenePositives().image(unit.example, unit.caption, random.Random(unit.seed)).draw() for unit in units]
