"""Writes captioned pictures as webdataset shards: `000000007.jpg 000000007.txt 000000007.json`, a thousand a tar."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from captioner.captioning.journal import Row, Rows
from captioner.data.adapters.folders import SUFFIXES
from metric.example import Example, Picture, file_bytes, open_image
from metric.storage.atomic_files import whole_file

SAMPLES = 1000  # pictures of a shard


def write_shards(out: Path, rows: Rows, examples: Callable[[], Iterable[Example]]) -> None:
    """Writes the shards in the order of the input, and deletes other shards of an earlier call.

    A picture keeps the bytes of its file. A drawn picture becomes a PNG.
    """
    out.mkdir(parents=True, exist_ok=True)
    captioned = ((number, example, rows[example.id]) for number, example in enumerate(captioned_of(examples, rows)))
    written: set[Path] = set()
    while samples := list(islice(captioned, SAMPLES)):
        path = out / f"{len(written):06d}.tar"
        with whole_file(path) as new, tarfile.open(new, "w") as tar:
            for sample in samples:
                for name, content in files(*sample):
                    add(tar, name, content)
        written.add(path)
    for old in set(out.glob("[0-9]" * 6 + ".tar")) - written:
        old.unlink()


def captioned_of(examples: Callable[[], Iterable[Example]], rows: Rows) -> Iterator[Example]:
    """The examples that have captions."""
    return (example for example in examples() if example.id in rows)


def files(number: int, example: Example, row: Row) -> Iterator[tuple[str, bytes]]:
    """Name and content of the three files of a picture."""
    ending, content = encoded(example.image)
    record = {"id": row.id, "captions": row.captions, **row.scores}
    yield f"{number:09d}{ending}", content
    yield f"{number:09d}.txt", "".join(text + "\n" for text in row.captions).encode()
    yield f"{number:09d}.json", json.dumps(record, ensure_ascii=False).encode()


def encoded(image: Path | Picture) -> tuple[str, bytes]:
    """Ending and bytes of a picture's file. A picture without a file, or with an unknown ending, becomes a PNG."""
    ending = PurePosixPath(str(image)).suffix.lower()
    content = file_bytes(image)
    if ending in SUFFIXES and content is not None:
        return ending, content
    file = io.BytesIO()
    open_image(image).save(file, "PNG")
    return ".png", file.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file to a tar."""
    entry = tarfile.TarInfo(name)  # without time and owner, so that equal captions make equal shards
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
