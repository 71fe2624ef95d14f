"""Example: a picture and its captions, the one record that all packages share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image, ImageOps, UnidentifiedImageError


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


class UnreadableImage(ValueError):
    """A file that no picture could be read from; the message names it and says why."""


def open_image(image: Path | Picture) -> Image.Image:
    """The picture in RGB, upright. Raises UnreadableImage."""
    if isinstance(image, Picture):
        return image.draw()
    try:
        with Image.open(image) as file:
            return ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise UnreadableImage(f"{image}: {error}") from error


def image_key(image: Path | Picture) -> str:
    """What a cache knows a picture by: equal keys mean equal pictures."""
    if isinstance(image, Picture):
        return image.key
    stat = image.stat()
    return f"{image.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


class Cut(str):
    """A caption that the length limit ended, not its writer: it has no end of sentence to be rewarded for."""
