"""Example: a picture with its captions. All packages share this record."""

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
    """A picture without a file of its own, such as a scene or a member of an archive. `draw` makes the picture."""

    @property
    def key(self) -> str: ...  # equal keys draw equal pictures

    def draw(self) -> Image.Image: ...


@dataclass(frozen=True)
class Example:
    """A picture with an id and the captions that people wrote. A picture to be captioned has no `references`."""

    id: str
    image: Path | Picture
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        refuse_one_text("references", self.references)


def refuse_one_text(what: str, given: object) -> None:
    """Raises ValueError for one text in the place of several, whose letters would be taken for texts."""
    if isinstance(given, str):
        raise ValueError(f"{what} are a list, got the text {str(given)!r}; put it into a list, [{str(given)!r}]")


def open_image(image: Path | Picture) -> Image.Image:
    """The picture of a file or of a Picture, in RGB and upright. Raises UnreadableImage for a damaged file."""
    return read_image(image, str(image)) if isinstance(image, Path) else image.draw()


def image_key(image: Path | Picture) -> str:
    """The key of a picture in a cache, without a look at the pixels. Equal keys mean equal pictures.

    Raises OSError for a file that does not exist.
    """
    return file_key(image) if isinstance(image, Path) else image.key


def content_key(image: Path | Picture) -> str:
    """The SHA-256 digest of the bytes of a picture's file. Place and name of the file make no difference."""
    data = file_bytes(image)
    return image_key(image) if data is None else sha256(data).hexdigest()


def file_bytes(image: Path | Picture) -> bytes | None:
    """The bytes of a picture's file in a folder or archive. None for a picture without a file, such as a scene."""
    if isinstance(image, Path):
        return image.read_bytes()
    return image.data if isinstance(image, (Stored, InTar, InZip)) else None


def is_there(example: Example) -> bool:
    """Whether the picture can be opened. False for a deleted file, of which kept features may still exist."""
    return not isinstance(example.image, Path) or example.image.exists()


class Cut(str):
    """A caption that the length limit ended. Rewards count no end of sentence in such a caption."""


def data_fingerprint(examples: Sequence[Example]) -> str:
    """The number of examples, and a digest of their ids, captions and order. The batches of a run depend on these."""
    digest = sha256()
    for example in examples:
        digest.update("\n".join((example.id, *example.references, "")).encode())
    return f"{len(examples)} pictures, {digest.hexdigest()[:12]}"
