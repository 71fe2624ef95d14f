"""A picture from a file, an archive or bytes, in RGB as a person sees it; what cannot be shown says why."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

NARROW = 500  # times as long as wide; resized by its short side such a picture would fill the memory
# What Pillow and zipfile raise on damaged files: found by damaging files of eighteen formats, and by reading older
# Pillows; a RuntimeError is AVIF's, or that a zip wants a password; a Warning is raised where warnings are errors.
FAULTS = (
    *(OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError, Warning),
    *(EOFError, IndexError, KeyError, OverflowError, TypeError, struct.error, zipfile.BadZipFile, zlib.error),
)


class UnreadableImage(ValueError):
    """A file that no picture could be read from; the message names it and says why."""


def read_image(source: Path | BinaryIO, name: str) -> Image.Image:
    """In RGB, upright; the first frame of an animation. Raises UnreadableImage."""
    try:
        with Image.open(source) as file:
            if max(file.size) > NARROW * min(file.size):
                raise ValueError(f"{file.width} x {file.height} pixels, more than {NARROW} times as long as wide")
            return upright(file)
    except FAULTS as error:
        raise UnreadableImage(f"{name}: {reason(error)}") from error


def decode_all(path: Path) -> None:
    """Decode every byte of a file, at an eighth of the size where its format can. Raises UnreadableImage."""
    try:
        with Image.open(path) as file:
            file.draft("RGB", (32, 32))
            file.load()
    except FAULTS as error:
        raise UnreadableImage(f"{path}: {reason(error)}") from error


def upright(image: Image.Image) -> Image.Image:
    """In RGB, turned as the camera says."""
    return rgb(ImageOps.exif_transpose(image))


def rgb(image: Image.Image) -> Image.Image:
    """Eight bits a channel; what is transparent shows white paper, not the colour that lies hidden there."""
    if image.mode.startswith(("I", "F")):
        return eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def eight_bits(image: Image.Image) -> Image.Image:
    """Deep grey, whose brightest value the format tells only for 16 bits; Pillow's own conversion would clip at 255."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    top = float(values.max(initial=0))
    ranges = (65535,) if image.mode.startswith("I;16") else (1, 255, 65535) if image.mode == "F" else (255, 65535)
    brightest = next((each for each in ranges if top <= each), top)
    return Image.fromarray((values.clip(min=0) * (255 / brightest)).round().astype(np.uint8))


def reason(error: BaseException) -> str:
    """In a few words, without the addresses of objects in memory."""
    if isinstance(error, UnidentifiedImageError):
        return "no picture of a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}"


def file_key(path: Path) -> str:
    """Where a file is and which state it is in."""
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


class Stored:
    """A picture that is known by the bytes of its file, wherever they are kept."""

    name: str
    data: bytes

    @cached_property
    def key(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def draw(self) -> Image.Image:
        return read_image(io.BytesIO(self.data), self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class InMemory(Stored):
    """Such as one that came through a pipe."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class InTar:
    """A member of an uncompressed tar, read from where it lies."""

    archive: Path
    name: str
    start: int
    size: int

    @property
    def key(self) -> str:
        return f"{file_key(self.archive)}|{self.start}"

    @property
    def data(self) -> bytes:
        with self.archive.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def draw(self) -> Image.Image:
        return read_image(io.BytesIO(self.data), str(self))

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


@dataclass(frozen=True)
class InZip:
    """A member of a zip."""

    archive: Path
    name: str

    @property
    def key(self) -> str:
        return f"{file_key(self.archive)}|{self.name}"

    @property
    def data(self) -> bytes:
        try:
            return opened_zip(self.archive, os.getpid()).read(self.name)
        except FAULTS as error:
            raise UnreadableImage(f"{self}: {reason(error)}") from error

    def draw(self) -> Image.Image:
        return read_image(io.BytesIO(self.data), str(self))

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


@lru_cache(maxsize=16)
def opened_zip(path: Path, process: int) -> zipfile.ZipFile:
    """Kept open, since the list of members is long; a forked process needs its own, whose place moves alone."""
    return zipfile.ZipFile(path)
