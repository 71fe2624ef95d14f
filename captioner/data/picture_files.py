"""Which files are pictures: by the ending of the name, or by the first bytes where the ending says nothing."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath

from PIL import Image

UNREAD = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow knows them by name and decodes none
CONVERT = {".heic", ".heif", ".hif", ".svg", ".jxl", ".pdf", ".ai", ".xcf"}  # pictures that Pillow does not open
RAW = {".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw", ".raw"}
UNSEEN = {"thumbs.db", "desktop.ini"}  # written by file browsers
BESIDE = {".txt", ".caption", ".json"}  # captions, if they have the name of a picture
HOLDS = {".zip", ".tar", ".tgz", ".gz", ".rar", ".7z", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow"}
ABOUT = re.compile(r"(readme|licen[cs]e|changelog)\b", re.IGNORECASE)
COUNTS = re.compile(r"(^|/)\d+([.]parquet|_stats[.]json)$")  # img2dataset writes them beside its folders
FIRST = 16  # bytes that show the format of a picture
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")


def suffixes() -> set[str]:
    """The endings of the formats that Pillow reads."""
    endings = Image.registered_extensions().items()
    return {ending for ending, name in endings if name in Image.OPEN and name not in UNREAD}


SUFFIXES = suffixes()


def is_picture(name: str) -> bool:
    """Whether a file's name has the ending of a picture. Files `._name`, which macOS writes, are no pictures."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def is_hidden(name: str) -> bool:
    """Whether a file belongs to a file browser or a version control, as `.DS_Store`, `._1.jpg` and `Thumbs.db`."""
    path = PurePosixPath(name)
    return path.name.startswith(".") or path.name.lower() in UNSEEN or "__MACOSX" in path.parts


def is_left_alone(name: str) -> bool:
    """Whether a file beside pictures says nothing of them: hidden files, a readme, a licence, img2dataset's counts."""
    return is_hidden(name) or bool(ABOUT.match(PurePosixPath(name).name) or COUNTS.search(name))


def says_nothing(name: str) -> bool:
    """Whether the ending of a name tells no format: `0012`, `photo.jpg?width=200`, `photo.jpeg_large`."""
    ending = PurePosixPath(name).suffix.lower()
    return not (ending in SUFFIXES | CONVERT | RAW | BESIDE | HOLDS or mimetypes.guess_type(f"a{ending}")[0])


def begins_as_picture(beginning: bytes) -> bool:
    """Whether the first bytes are those of a JPEG, PNG, GIF, TIFF, JPEG 2000, WebP, AVIF or BMP.

    >>> begins_as_picture(b"RIFF\\x10\\0\\0\\0WEBPVP8 "), begins_as_picture(b"%PDF-1.7")
    (True, False)
    """
    contained = beginning[:4] + beginning[8:12] == b"RIFFWEBP" or beginning[4:12] in (b"ftypavif", b"ftypavis")
    bitmap = beginning[:2] == b"BM" and beginning[6:10] == bytes(4)
    return beginning.startswith(MAGIC) or contained or bitmap


def unread(name: str) -> str:
    """The reason why a file beside pictures is not read."""
    ending = PurePosixPath(name).suffix.lower()
    if not ending:
        return "a file without an ending that does not begin as a picture"
    if ending in BESIDE:
        return f"no picture has the name of this {ending}"
    if ending in RAW:
        return f"{ending} is raw data of a camera; save it as JPEG"
    if ending in CONVERT:
        return f"Pillow does not read {ending}; save it as JPEG or PNG"
    if ending in HOLDS:
        return f"a {ending} file beside pictures is not opened; give its own path"
    if (mimetypes.guess_type(f"a{ending}")[0] or "").startswith("video/"):
        return f"{ending} is a video, not a picture"
    return f"{ending} is no picture"
