"""Webdataset shards, read and written. A kill at any moment loses at most one batch and doubles none.

A batch is a file of its own in `.parts/` until all batches of the shard are there. Then they are joined to a tar. A
sample is `KEY.txt` (t'), `KEY.jpg` or `KEY.png` (v') and `KEY.json` (the provenance). The first two may be missing.
"""

from __future__ import annotations

import io
import json
import posixpath
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metric.images import InTar
from metric.storage.atomic_files import sync, unfinished, whole_file

PARTS = ".parts"
END = bytes(2 * tarfile.BLOCKSIZE)  # of a tar archive
PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff")


@dataclass
class Sample:
    """A sample as it is read back: the record of KEY.json, the caption t' and the picture v'."""

    key: str
    record: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    image: InTar | None = None
    unread: list[str] = field(default_factory=list)
    """further files of the key"""


def shard_path(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:06d}.tar"


def shards_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar"))


def pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Files, (name, content), as tar members without the end of an archive. Equal files give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        end = tar.offset
    return buffer.getvalue()[:end]


def part_path(folder: Path, number: int, batch: int) -> Path:
    return folder / PARTS / f"{number:06d}" / f"{batch:06d}"


def join(folder: Path, number: int, batches: int) -> None:
    """Write a shard from the files of its batches, then delete those files."""
    with whole_file(shard_path(folder, number)) as new:
        with new.open("wb") as shard:
            for batch in range(batches):
                with part_path(folder, number, batch).open("rb") as part:
                    shutil.copyfileobj(part, shard)
            shard.write(END)
        sync(new)
    shutil.rmtree(part_path(folder, number, 0).parent)


def tidy(folder: Path) -> None:
    """Delete the unfinished files of killed processes. All shards have to be complete."""
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    for half in unfinished(folder):
        half.unlink()


def read(paths: Sequence[Path]) -> Iterator[Sample]:
    """The samples of shards, one after the other. Pictures stay on the disk. Raises ValueError for a damaged shard."""
    for path in paths:
        try:
            yield from read_one(path)
        except tarfile.TarError as error:
            raise ValueError(f"{path} is damaged or no tar archive: {error}; delete the shard") from error


def read_one(path: Path) -> Iterator[Sample]:
    """The samples in the order of their first files, wherever in the shard the others stand."""
    found: dict[str, dict[str, tarfile.TarInfo]] = {}
    with tarfile.open(path, "r:") as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            key, ending = key_of(member.name)
            if ending in found.setdefault(key, {}):
                raise ValueError(f"{path} has {key}.{ending} twice; pack each file once")
            found[key][ending] = member
        for key, files in found.items():
            yield sample_of(key, files, tar, path)


def key_of(name: str) -> tuple[str, str]:
    """The key of a sample with its folder, and the ending in lower case: `./a.b/7.JPG` -> ("a.b/7", "jpg")."""
    folder, base = posixpath.split(posixpath.normpath(name))
    stem, _, ending = base.partition(".")
    return posixpath.join(folder, stem), ending.lower()


def sample_of(key: str, files: Mapping[str, tarfile.TarInfo], tar: tarfile.TarFile, path: Path) -> Sample:
    """The sample of a key. Raises ValueError for several pictures, for no id, and for a text that is no UTF-8."""
    pictures = [ending for ending in files if ending in PICTURES]
    if len(pictures) > 1:
        raise ValueError(f"{path} has several pictures of {key}: {', '.join(pictures)}; expected one")
    sample = Sample(key, record_of(text_in("json", files, tar, path), key, path))
    sample.text = text_in("txt", files, tar, path).strip() or None
    for ending in pictures:
        member = files[ending]
        sample.image = InTar(path, member.name, member.offset_data, member.size)
    sample.unread = [
        f"{path.name}/{files[ending].name}" for ending in files if ending not in (*PICTURES, "txt", "json")
    ]
    return sample


def text_in(ending: str, files: Mapping[str, tarfile.TarInfo], tar: tarfile.TarFile, path: Path) -> str:
    """The content of KEY.txt or KEY.json without a byte order mark; "" where there is no such file."""
    if ending not in files:
        return ""
    try:
        return tar.extractfile(files[ending]).read().decode("utf-8-sig")  # type: ignore[union-attr]  # files have content
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: {files[ending].name} is no UTF-8 ({error.reason} at byte {error.start})") from None


def record_of(text: str, key: str, path: Path) -> dict[str, Any]:
    """The record of KEY.json with its id as text, where 1.0 is 1. Raises ValueError for one without an id."""
    try:
        record = json.loads(text)
        id = record["id"]
    except (json.JSONDecodeError, KeyError, TypeError):
        id = None
    if isinstance(id, bool) or not isinstance(id, (str, int, float)):
        raise ValueError(f'{path}: {key} needs {key}.json, a JSON object with the "id" of its picture')
    return record | {"id": str(int(id) if isinstance(id, float) and id.is_integer() else id)}
