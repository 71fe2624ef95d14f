"""The files in a zip or an uncompressed tar. Different files of one name are told, not merged.

A name is without the `./` at its head that `tar -cf a.tar .` writes.
"""

from __future__ import annotations

import posixpath
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from captioner.data.left_out import LeftOut
from captioner.data.rows.records import tidy
from metric.images import InTar, InZip

ARCHIVES = (".zip", ".tar")
Member: TypeAlias = InTar | InZip


def is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVES and path.is_file()


def members(archive: Path) -> Iterator[tuple[str, Member] | LeftOut]:
    """(name, member) of the files in an archive, in its order, and links that lead nowhere.

    Raises ValueError where the archive is damaged.
    """
    try:
        yield from zip_members(archive) if archive.suffix.lower() == ".zip" else tar_members(archive)
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise ValueError(f"{archive} is damaged or no archive: {error}") from None


def zip_members(archive: Path) -> Iterator[tuple[str, InZip]]:
    """(name, member) of the files in a zip. Of several files of one name a zip opens the last."""
    with zipfile.ZipFile(archive) as file:
        names = [entry.filename for entry in file.infolist() if not entry.is_dir()]
    yield from ((tidy(name), InZip(archive, name)) for name in names)


def tar_members(archive: Path) -> Iterator[tuple[str, InTar] | LeftOut]:
    """(name, member) of the files in a tar. A link to a file is a second name of that file."""
    places: dict[str, tuple[int, int]] = {}
    ahead: list[tarfile.TarInfo] = []
    with tarfile.open(archive, "r:") as file:
        for entry in file:
            entry.name = tidy(entry.name)
            if entry.isreg():
                places[entry.name] = (entry.offset_data, entry.size)
            if place := places.get(target(entry)):
                yield entry.name, InTar(archive, entry.name, *place)
            elif not entry.isdir():
                ahead.append(entry)
    for entry in ahead:
        if place := places.get(target(entry)):
            yield entry.name, InTar(archive, entry.name, *place)
        else:
            link = entry.issym() or entry.islnk()
            why = f"it is a link to {entry.linkname}, which {archive} does not hold" if link else "it is no file"
            yield LeftOut(entry.name, why, "file")


def target(entry: tarfile.TarInfo) -> str:
    """The name of the file that a member of a tar is, or links to."""
    if entry.issym():
        return posixpath.normpath(posixpath.join(posixpath.dirname(entry.name), entry.linkname))
    return tidy(entry.linkname) if entry.islnk() else entry.name


def listed(archive: Path) -> tuple[dict[str, Member], list[LeftOut]]:
    """Name -> member, and what is left out: names of several files that differ, and the rest of a tar that breaks off.

    Raises ValueError for an archive in which no file is found.
    """
    files: dict[str, Member] = {}
    several = several_in_zip(archive) if archive.suffix.lower() == ".zip" else set()
    broken: list[LeftOut] = []
    try:
        for item in members(archive):
            if isinstance(item, LeftOut):
                broken.append(item)
                continue
            name, member = item
            if isinstance(member, InTar) and differs(member, files.get(name, member)):
                several.add(name)
            files.setdefault(name, member)
    except ValueError as error:
        if not files:
            raise
        broken.append(LeftOut(str(archive), str(error), "shard"))
    for name in several:
        del files[name]
    reason = f"{archive} has several files of this name, and they differ"
    return files, [*(LeftOut(name, reason, "file") for name in sorted(several)), *broken]


def several_in_zip(archive: Path) -> set[str]:
    """The names of several files in a zip whose checksums or sizes differ."""
    try:
        with zipfile.ZipFile(archive) as file:
            contents = {(tidy(entry.filename), entry.CRC, entry.file_size) for entry in file.infolist()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive} is damaged or no archive: {error}") from None
    counts = Counter(name for name, *_ in contents)
    return {name for name, count in counts.items() if count > 1}


def differs(one: InTar, other: Member) -> bool:
    """Whether two members of a tar differ. Only members of one length are read."""
    assert isinstance(other, InTar)
    return one.start != other.start and (one.size != other.size or one.data != other.data)
