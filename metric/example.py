"""Example: a picture and its captions, the one record that all packages share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from metric.images import UnreadableImage as UnreadableImage
from metric.images import file_key, read_image


@runtime_checkable
class Picture(Protocol):
    """Something that is drawn when it is asked for, such as a scene."""

    @property
    def key(self) -> str: ...  # equal keys draw equal pictures

    def draw(self) -> Image.Image: ...


@dataclass(frozen=True)
class Example:
    """`references` may be empty: a picture to be captioned."""

    id: str
    image: Path | Picture
    references: tuple[str, ...] = ()


def open_image(image: Path | Picture) -> Image.Image:
    """The picture in RGB, upright. Raises UnreadableImage."""
    return read_image(image, str(image)) if isinstance(image, Path) else image.draw()


def image_key(image: Path | Picture) -> str:
    """What a cache knows a picture by: equal keys mean equal pictures."""
    return file_key(image) if isinstance(image, Path) else image.key


class Cut(str):
    """A caption that the length limit ended, not its writer: it has no end of sentence to be rewarded for."""
