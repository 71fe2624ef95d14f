"""The files of a folder, an archive, a single picture or a pattern, by name, and which of them are pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

from captioner.data.archives import is_archive, listed
from captioner.data.beside import File, samples_of
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut
from captioner.data.picture_files import FIRST, begins_as_picture, is_hidden, is_picture, says_nothing
from metric.example import UnreadableImage
from metric.images import InTar, InZip

Listing: TypeAlias = tuple[Mapping[str, File], list[LeftOut]]
WILD = set("*?[")


def listing(root: str) -> Listing:
    """Name -> file, and what cannot be listed. Raises ValueError for a place that holds no files."""
    path = Path(root).expanduser()
    if is_archive(path):
        files, left_out = listed(path)
        return dict(sorted(files.items())), left_out
    if path.is_dir():
        return tree(path)
    if path.is_file() and pictures_in({path.name: path}):
        return only([path.name], {file.name: file for file in sorted(path.parent.glob("*")) if file.is_file()}), []
    if not path.exists() and not WILD.isdisjoint(root):
        return matching(path)
    raise ValueError(f"{root} is neither a folder nor a zip or tar of pictures; type folder:root=DIR")


def matching(pattern: Path) -> Listing:
    """The files that match a pattern such as `photos/*/*.jpg`, those below matching folders, and files beside them."""
    parts = pattern.parts
    plain = next(number for number, part in enumerate(parts) if not WILD.isdisjoint(part))
    base = Path(*parts[:plain])
    matches = {path.relative_to(base).as_posix() for path in base.glob("/".join(parts[plain:]))}
    if not matches:
        raise ValueError(f"no file matches {pattern}")
    files, left_out = tree(base)
    return only([name for name in files if not matches.isdisjoint(and_folders(name))], files), left_out


def and_folders(name: str) -> list[str]:
    """`a/b/c` -> `a`, `a/b`, `a/b/c`."""
    return list(accumulate(name.split("/"), lambda folder, part: f"{folder}/{part}"))


def only(names: Collection[str], files: Mapping[str, File]) -> Mapping[str, File]:
    """The files of these names, and the files of captions beside them."""
    kept = {*names, *samples_of(names, files)[1]}
    return {name: file for name, file in files.items() if name in kept}


def pictures_in(files: Mapping[str, File]) -> list[str]:
    """The names of the pictures: by their endings, or by their first bytes where the ending says nothing."""
    return [name for name, file in files.items() if is_picture(name) or is_unnamed_picture(name, file)]


def is_unnamed_picture(name: str, file: File) -> bool:
    return says_nothing(name) and not is_hidden(name) and begins_as_picture(beginning(file))


def beginning(file: File) -> bytes:
    """The first bytes of a file; none of a file that cannot be read."""
    try:
        if isinstance(file, InTar):
            return InTar(file.archive, file.name, file.start, min(file.size, FIRST)).data
        if isinstance(file, InZip):
            return file.beginning(FIRST)
        assert isinstance(file, Path)
        with file.open("rb") as opened:
            return opened.read(FIRST)
    except (OSError, UnreadableImage):
        return b""
