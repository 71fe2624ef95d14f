"""Pictures by name: in a folder and below it, in its zip and tar archives, or in an archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from unicodedata import normalize

from captioner.data.archives import ARCHIVES, is_archive, listed
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut
from captioner.data.picture_files import is_picture
from metric.example import Example, Picture

File: TypeAlias = Path | Picture


class Pictures:
    """Pictures of a folder or archive by name.

    A name is tried as it is, then by the ways of WAYS, such as `1.jpg` for `1.JPG`. A way that finds several pictures
    decides nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser()
        self.readable = self.root.is_dir() or is_archive(self.root)

    def find(self, *names: str) -> File | None:
        """The picture of the first name that has one; None if no name has one, or a name has several."""
        found = self.found(names)
        return found[0] if len(found) == 1 else None

    def found(self, names: tuple[str, ...]) -> list[File]:
        """The pictures that may be meant by one of the names."""
        if self.root.is_dir():
            for name in names:
                if os.path.isfile(self.root / name):
                    return [self.root / name]
        for way in WAYS:
            for name in names:
                if files := [file for other, file in self.inside.get(key(name), ()) if way(other, name)]:
                    return files
        return []

    def example(self, id: str, names: tuple[str, ...], references: tuple[str, ...]) -> Example | LeftOut:
        found = self.found(names)
        example = Example(id, found[0] if len(found) == 1 else self.root / names[0], references)
        return example if len(found) == 1 else LeftOut(id, self.reason(found), example=example)

    def reason(self, found: list[File]) -> str:
        if not self.readable:
            return f"{self.root} is neither a folder nor a {' or '.join(ARCHIVES)} of pictures"
        return f"{len(found)} pictures in {self.root} may be meant" if found else f"it is not in {self.root}"

    @cached_property
    def inside(self) -> dict[str, list[tuple[str, File]]]:
        """`key` -> (name, file) of the files with that key."""
        index: dict[str, list[tuple[str, File]]] = {}
        for name, file in every_file(self.root) if self.readable else ():
            index.setdefault(key(name), []).append((name, file))
        return index


def key(name: str) -> str:
    """The last part of a name in lower case without the ending of a picture: equal for all names that may be meant."""
    return without_ending(PurePosixPath(plain(name)).name)


def plain(name: str) -> str:
    r"""A name in lower case, with `/` between its parts: `.\Sub\1.JPG` -> `sub/1.jpg`.

    An accent is a part of its letter, as in NFC. macOS writes it as a character of its own.
    """
    return str(PurePosixPath(normalize("NFC", name).replace("\\", "/").lower()))


def without_ending(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix) if is_picture(name) else name


def ends_alike(one: str, other: str) -> bool:
    """Whether one path is the end of the other: `1.jpg` of `sub/1.jpg`."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


# Ways in which the name of a file and a name in a table may agree, the strictest first.
WAYS: tuple[Callable[[str, str], bool], ...] = (
    lambda file, name: file == name,
    lambda file, name: plain(file) == plain(name),
    lambda file, name: ends_alike(plain(file), plain(name)),
    lambda file, name: PurePosixPath(plain(file)).name == PurePosixPath(plain(name)).name,
    lambda file, name: not is_picture(name) and ends_alike(without_ending(plain(file)), plain(name)),
)


def every_file(root: Path) -> Iterator[tuple[str, File]]:
    """(name, file) of the files below a folder and in the archives below it, or in an archive."""
    if is_archive(root):
        yield from listed(root)[0].items()
        return
    for name, path in tree(root)[0].items():
        yield from listed(path)[0].items() if is_archive(path) else [(name, path)]


def near(file: Path) -> Path:
    """The default folder of an annotation file's pictures: its own folder, or the one that holds `annotations`."""
    return file.parent.parent if file.parent.name == "annotations" else file.parent
