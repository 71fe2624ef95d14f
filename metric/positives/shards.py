"""Webdataset shards, read and written. A kill at any moment loses at most one batch and doubles none.

A batch is a file of its own in `.parts/` until all batches of the shard are there. Then they are joined to a tar. A
sample is `KEY.txt` (t'), `KEY.jpg` or `KEY.png` (v') and `KEY.json` (the provenance). The first two may be missing.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metric.images import InTar
from metric.storage.atomic_files import sync, unfinished, whole_file

PARTS = ".parts"
END = bytes(2 * tarfile.BLOCKSIZE)  # of a tar archive
PICTURES = ("jpg", "jpeg", "png", "webp")


@dataclass
class Sample:
    """A sample as it is read back: the record of KEY.json, the caption t' and the picture v'."""

    key: str
    record: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    image: InTar | None = None


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
    sample: Sample | None = None
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            key, _, suffix = member.name.partition(".")
            if sample is None or key != sample.key:
                if sample:
                    yield sample
                sample = Sample(key)
            if suffix in PICTURES:
                sample.image = InTar(path, member.name, member.offset_data, member.size)
            elif suffix in ("txt", "json"):
                text = tar.extractfile(member).read().decode()  # type: ignore[union-attr]  # files have content
                add_text(sample, suffix, text, path)
    if sample:
        yield sample


def add_text(sample: Sample, suffix: str, text: str, path: Path) -> None:
    """Put the content of KEY.txt or KEY.json into its sample. ValueError for a JSON file without an id."""
    if suffix == "txt":
        sample.text = text
        return
    try:
        sample.record = json.loads(text)
        sample.record["id"] = str(sample.record["id"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path}: {sample.key}.json is not a JSON object with "id"') from error
