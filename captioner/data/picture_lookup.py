"""Pictures by name: in a folder, in folders just below it, in its zip and tar archives, or in an archive."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from captioner.data.left_out import LeftOut
from metric.example import Example, Picture
from metric.images import InTar, InZip

ARCHIVES = (".zip", ".tar")


class Pictures:
    """Pictures of a folder or archive by name. A name without a picture is looked up by its last part, if unique."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reason = f"it is not in {root}"
        if not (root.is_dir() or is_archive(root)):
            self.reason = f"{root} is neither a folder nor a {' or '.join(ARCHIVES)} of pictures"

    def find(self, *names: str) -> Path | Picture | None:
        """The picture of the first name that has one; None if no name has a picture."""
        if self.root.is_dir():
            for name in names:
                if (self.root / name).exists():
                    return self.root / name
        for name in (*names, *(PurePosixPath(name).name for name in names)):
            if name in self.inside:
                return self.inside[name]
        return None

    def example(self, id: str, names: tuple[str, ...], references: tuple[str, ...]) -> Example | LeftOut:
        picture = self.find(*names)
        example = Example(id, picture or self.root / names[0], references)
        return example if picture else LeftOut(id, self.reason, example=example)

    @cached_property
    def inside(self) -> dict[str, Path | Picture]:
        """Name -> picture, by whole names and by last parts that only one picture has."""
        if not self.root.is_dir() and not is_archive(self.root):
            return {}
        pictures = dict(members(self.root) if is_archive(self.root) else below(self.root))
        last: dict[str, list[str]] = {}
        for name in pictures:
            last.setdefault(PurePosixPath(name).name, []).append(name)
        return {part: pictures[names[0]] for part, names in last.items() if len(names) == 1} | pictures


def below(folder: Path) -> Iterator[tuple[str, Path | Picture]]:
    """(name, picture) of the files one folder down and of the members of the folder's archives."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from ((f"{path.name}/{file.name}", file) for file in sorted(path.iterdir()))
        elif is_archive(path):
            yield from members(path)


def is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVES and path.is_file()


def members(archive: Path) -> Iterator[tuple[str, Picture]]:
    """(name, picture) of the files in a zip or an uncompressed tar. Raises ValueError for a damaged archive."""
    try:
        if archive.suffix.lower() == ".zip":
            with zipfile.ZipFile(archive) as file:
                names = [entry.filename for entry in file.infolist() if not entry.is_dir()]
            yield from ((name, InZip(archive, name)) for name in names)
        else:
            yield from tar_members(archive)
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise ValueError(f"{archive} is damaged or no archive: {error}") from None


def tar_members(archive: Path) -> Iterator[tuple[str, InTar]]:
    with tarfile.open(archive, "r:") as file:
        for entry in file:
            if entry.isreg():
                yield entry.name, InTar(archive, entry.name, entry.offset_data, entry.size)


def near(file: Path) -> Path:
    """The default folder of an annotation file's pictures: its own folder, or the one that holds `annotations`."""
    return file.parent.parent if file.parent.name == "annotations" else file.parent
