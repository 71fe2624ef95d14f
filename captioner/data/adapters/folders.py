"""Pictures alone: every one below a folder or in an archive."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from PIL import Image

from captioner.data.picture_lookup import is_archive, members
from captioner.data.text_files import read_text as read_text
from metric.example import Example

UNREAD = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow knows them by name and decodes none


def suffixes() -> set[str]:
    """The endings of the formats that Pillow reads."""
    endings = Image.registered_extensions().items()
    return {ending for ending, name in endings if name in Image.OPEN and name not in UNREAD}


SUFFIXES = suffixes()


def folder(split: str, root: str) -> list[Example]:
    """Every picture file below the folder `root` or in the archive `root`. The id is the path from there.

    There are no references and no splits: any split has all pictures.
    """
    base = Path(root)
    if is_archive(base):
        inside = [Example(name, member) for name, member in members(base) if is_picture(name)]
        examples = sorted(inside, key=lambda example: example.id)
    elif base.is_dir():
        files = sorted(path for path in base.rglob("*") if is_picture(path.name))
        examples = [Example(path.relative_to(base).as_posix(), path) for path in files]
    else:
        raise ValueError(f"{root} is neither a folder nor a zip or tar of pictures; type folder:root=DIR")
    if not examples:
        raise ValueError(
            f"{root} has no picture; expected one of the {len(SUFFIXES)} endings that Pillow reads, as .jpg"
        )
    return examples


def is_picture(name: str) -> bool:
    """Whether a file's name has the ending of a picture. Files `._name`, which macOS writes, are no pictures."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
