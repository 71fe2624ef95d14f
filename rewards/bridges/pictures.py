"""Pictures as the rows of other programs hold them, each with a key that is a digest of its content.

The pictures of one group are different objects in TRL, so only the content tells which of them are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from metric import pictures
from metric.example import Picture
from metric.images import FAULTS, InMemory, UnreadableImage, reason, refuse_narrow


@dataclass(frozen=True)
class Damaged:
    """A picture that cannot be drawn, with the reason. `draw` raises UnreadableImage."""

    why: str

    @property
    def key(self) -> str:
        return f"damaged|{self.why}"

    def draw(self) -> Image.Image:
        raise UnreadableImage(self.why)


def picture_of(cell: Any, name: str) -> Picture | None:
    """The picture in a cell of a column. None for a cell without a picture. `name` stands in messages.

    A cell is what `metric.pictures` knows, or a list of one of these. Raises ValueError for a cell of another kind, for
    more pictures than one, and for a path without a file.
    """
    if isinstance(cell, Sequence) and not isinstance(cell, (str, bytes)):
        if len(cell) > 1:
            raise ValueError(f"{name} has {len(cell)} pictures, and a caption is of one; give one picture a row")
        cell = cell[0] if cell else None
    if isinstance(cell, Mapping) and not any(cell.get(part) for part in ("bytes", "path")):
        cell = None  # an empty cell of datasets.Image
    return None if cell is None else by_content(cell, name)


def by_content(value: Any, name: str) -> Picture:
    """A picture whose key is a digest of its bytes or pixels. Raises ValueError as `picture_of` does."""
    if isinstance(value, Image.Image):
        return decoded(value, name)
    try:
        known = pictures.picture_of(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if isinstance(known, Path):
        return InMemory(str(known), file_of(known, name))
    return InMemory(name, known.data) if isinstance(known, InMemory) else known


def decoded(image: Image.Image, name: str) -> Picture:
    """A PIL image as a picture. Pillow opens a file late, so a damaged file may show here."""
    try:
        refuse_narrow(image)
        return pictures.Decoded.of(image)
    except FAULTS as error:
        return Damaged(f"{name}: {reason(error)}")


def file_of(path: Path, name: str) -> bytes:
    """The bytes of a picture's file. Raises ValueError for a file that cannot be read."""
    try:
        return path.expanduser().read_bytes()
    except (OSError, RuntimeError, ValueError) as error:  # no home for ~, a path with a NUL
        raise ValueError(
            f"{name} names the picture {path}: {reason(error)}; give paths that hold from {Path.cwd()}, or whole paths"
        ) from None
