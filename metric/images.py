"""Pictures from files, archives and bytes: in RGB, upright, with white paper behind transparent pixels.

A damaged picture raises UnreadableImage. The message names the file and the reason.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import sys
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

NARROW = 500  # greatest length over width of a picture; resizing the short side of a longer one would fill the memory
# The errors of Pillow and zipfile on damaged files. They come from damaged files of eighteen formats and the code of
# older Pillows. AVIF raises RuntimeError, as a zip with a password does. Warnings are raised where they are errors.
FAULTS = (
    *(OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError, Warning),
    *(EOFError, IndexError, KeyError, OverflowError, TypeError, struct.error, zipfile.BadZipFile, zlib.error),
)


class UnreadableImage(ValueError):
    """A file without a readable picture. The message has the name of the file and the reason."""


READ = threading.local()  # has the name of the picture that a thread reads


@contextmanager
def named_warnings() -> Iterator[None]:
    """Inside, a warning about a picture that is read is one line on stderr with the name of the picture.

    Python shows a text once. So the first picture of each kind of fault is named.
    """
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], filename: str, *rest: Any, **named: Any) -> None:
        if name := getattr(READ, "name", ""):
            print(f"captioner: caution: {name}: {brief(message)}", file=sys.stderr)
        else:
            shown(message, category, filename, *rest, **named)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


def brief(message: Warning | str) -> str:
    """The text of a warning in a line; of the warning about size, the number of pixels."""
    if isinstance(message, Image.DecompressionBombWarning):
        return f"{int(re.findall(r'[0-9]+', str(message))[0]):,} pixels"
    return " ".join(str(message).split())


def read_image(source: Path | BinaryIO, name: str) -> Image.Image:
    """A picture in RGB and upright. An animation gives its first frame. UnreadableImage begins with `name`."""
    READ.name = name
    try:
        with Image.open(source) as file:
            refuse_narrow(file)
            return upright(file)
    except FAULTS as error:
        raise UnreadableImage(f"{name}: {reason(error)}") from error
    finally:
        READ.name = ""


def decode_all(source: Path | BinaryIO, name: str) -> None:
    """Decodes every byte of a file, at an eighth of the size if the format can. UnreadableImage begins with `name`."""
    try:
        with Image.open(source) as file:
            refuse_narrow(file)
            file.draft("RGB", (32, 32))
            file.load()
    except FAULTS as error:
        raise UnreadableImage(f"{name}: {reason(error)}") from error


def refuse_narrow(file: Image.Image) -> None:
    """Raises ValueError for a picture that is NARROW."""
    if max(file.size) > NARROW * min(file.size):
        raise ValueError(f"{file.width} x {file.height} pixels, more than {NARROW} times as long as wide")


def upright(image: Image.Image) -> Image.Image:
    """A picture in RGB, turned by its EXIF orientation."""
    return rgb(ImageOps.exif_transpose(image))


def rgb(image: Image.Image) -> Image.Image:
    """A picture in RGB with eight bits a channel. Transparent pixels become white, whatever colour the file holds."""
    if image.mode.startswith(("I", "F")):
        return eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits a pixel, scaled to eight bits. The conversion of Pillow would clip at 255.

    The brightest value of a 16-bit format is 65535. Of other formats it is the least of 1, 255 and 65535 that fits.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    top = float(values.max(initial=0))
    ranges = (65535,) if image.mode.startswith("I;16") else (1, 255, 65535) if image.mode == "F" else (255, 65535)
    brightest = next((limit for limit in ranges if top <= limit), top)
    return Image.fromarray((values.clip(min=0) * (255 / brightest)).round().astype(np.uint8))


def reason(error: BaseException) -> str:
    """The reason of an error in a few words, without the addresses of objects in memory."""
    if isinstance(error, UnidentifiedImageError):
        return "no picture of a known format"
    if isinstance(error, Image.DecompressionBombError):
        pixels, most = (f"{int(number):,}" for number in re.findall(r"\d+", str(error))[:2])
        return f"{pixels} pixels, more than {most}; save it smaller, or type --take large"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, OSError) and "truncated" in str(error):
        return f"{error}; fetch it again, or type --take truncated"
    return str(error) if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}"


def file_key(path: Path) -> str:
    """Path, size and time of the last change of a file. A changed file has another key. Raises OSError."""
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


class Stored:
    """A picture whose key is the SHA-256 digest of the bytes of its file."""

    name: str
    data: bytes

    @cached_property
    def key(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def draw(self) -> Image.Image:
        return read_image(io.BytesIO(self.data), str(self))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class InMemory(Stored):
    """The bytes of a picture's file in memory, such as a picture that came through a pipe."""

    name: str
    data: bytes = field(repr=False)
    origin: str = ""
    """the shard that the picture came from"""

    def __str__(self) -> str:
        return f"{self.origin}/{self.name}" if self.origin else self.name


@dataclass(frozen=True)
class InTar:
    """A picture in an uncompressed tar. `draw` reads `size` bytes of the archive from the offset `start`."""

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
    """A picture in a zip. `draw` reads the member `name` of the archive."""

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

    def beginning(self, count: int) -> bytes:
        """The first `count` bytes. Raises UnreadableImage."""
        try:
            with opened_zip(self.archive, os.getpid()).open(self.name) as file:
                return file.read(count)
        except FAULTS as error:
            raise UnreadableImage(f"{self}: {reason(error)}") from error

    def draw(self) -> Image.Image:
        return read_image(io.BytesIO(self.data), str(self))

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


@lru_cache(maxsize=16)
def opened_zip(path: Path, process: int) -> zipfile.ZipFile:
    """An open zip. The zip stays open, since its list of members takes long to read.

    `process` is the process id. A forked process opens the zip again. Two processes would share a file position.
    """
    return zipfile.ZipFile(path)
