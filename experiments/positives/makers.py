"""Makers of positives of drawn scenes beside the renderer: mistaken ones, templates, pictures in another style."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from PIL import Image, ImageFilter, ImageOps

from metric.positives.renderer import SceneCaptions, ScenePictures
from metric.positives.sources import scene_of
from metric.positives.units import Unit
from metric.scenes.language import keywords

Made = TypeVar("Made")


class TemplateCaptions:
    """One sentence for all scenes, whose gap takes the keywords of the scene."""

    facts: dict[str, Any] = {"model": "template"}

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return [f"this is a picture that shows {keywords(scene_of(unit.example))}" for unit in units]


class PaintedPictures(ScenePictures):
    """The renderer's other picture of the scene, painted: flat patches of few colours, as a generator has a style."""

    facts = {"model": "renderer, painted"}

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]:
        return [picture and painted(picture) for picture in super().__call__(units)]


def painted(picture: Image.Image) -> Image.Image:
    return ImageOps.posterize(picture.convert("RGB").filter(ImageFilter.ModeFilter(5)), 3)


class MistakenCaptions(SceneCaptions):
    """The renderer's captions. A share of the pictures has the caption of another picture."""

    def __init__(self, share: float) -> None:
        self.share, self.facts = share, {"model": "renderer", "mistaken": share}

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return mistaken(super().__call__(units, pictures), units, self.share)


class MistakenPictures(ScenePictures):
    """The renderer's pictures. A share of the captions has the picture of another caption."""

    def __init__(self, share: float) -> None:
        self.share, self.facts = share, {"model": "renderer", "mistaken": share}

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]:
        return mistaken(super().__call__(units), units, self.share)


def mistaken(made: Sequence[Made], units: Sequence[Unit], share: float) -> list[Made]:
    """The positives of a batch. Each unit has by its seed the chance `share` of the positive of the next unit.

    Raises ValueError for a batch of one unit, which has no next one.
    """
    if share and len(units) == 1:
        raise ValueError("a batch of one picture has no other picture; choose another size of batch")
    wrong = [random.Random(f"mistaken/{unit.seed}").random() < share for unit in units]
    return [made[(place + 1) % len(made)] if wrong[place] else made[place] for place in range(len(made))]
