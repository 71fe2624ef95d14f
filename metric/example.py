"""Example: a picture and its captions, the one record that all packages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from metric.images import InTar, InZip, Stored, file_key, read_image
from metric.images import UnreadableImage as UnreadableImage


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
    """What a cache knows a picture by, without reading it: equal keys mean equal pictures. OSError if it is gone."""
    return file_key(image) if isinstance(image, Path) else image.key


def content_key(image: Path | Picture) -> str:
    """The same wherever a picture's file lies and whatever it is called: the digest of its bytes."""
    data = file_bytes(image)
    return image_key(image) if data is None else sha256(data).hexdigest()


def file_bytes(image: Path | Picture) -> bytes | None:
    """As they are in the folder or archive; None of what is drawn."""
    if isinstance(image, Path):
        return image.read_bytes()
    return image.data if isinstance(image, (Stored, InTar, InZip)) else None


def is_there(example: Example) -> bool:
    """False where only the features of the picture are left."""
    return not isinstance(example.image, Path) or example.image.exists()


class Cut(str):
    """A caption that the length limit ended, not its writer: it has no end of sentence to be rewarded for."""


def data_fingerprint(examples: Sequence[Example]) -> str:
    """Of the pictures and captions that are learned from, and their order, by which a batch picks them."""
    digest = sha256()
    for example in examples:
        digest.update("\n".join((example.id, *example.references, "")).encode())
    return f"{len(examples)} pictures, {digest.hexdigest()[:12]}"
