"""Hugging Face's imagefolder: pictures with `metadata.jsonl`, `.csv` or `.parquet`, in folders called after splits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from captioner.data.adapters.folders import split_of, splits_among, unused
from captioner.data.adapters.parquet_files import parquet
from captioner.data.adapters.tables import csv, jsonl
from captioner.data.beside import File, captioned, samples_of
from captioner.data.layouts import METADATA
from captioner.data.left_out import LeftOut, Read
from captioner.data.listing import listing, pictures_in
from captioner.data.splits import canonical, in_order
from metric.example import Example


def imagefolder(split: str, root: str, image: str = "", references: str = "") -> Read:
    """Pictures below `root` with captions from the metadata in the same folder or in a folder above.

    A row names a picture by its path from the metadata. Folders below `root` that are called after splits are splits.
    The id is the picture's path from `root`, unless the metadata has ids. A picture that no metadata is about has no
    captions. A picture of a folder with metadata that has no row there is left out.
    """
    files, left_out = listing(root)
    pictures = pictures_in(files)
    splits = splits_among(pictures)
    if splits and canonical(split) not in splits:
        raise ValueError(f"{root} has the splits {', '.join(in_order(splits))}, got {split!r}; type --split with one")
    yield from left_out
    wanted = [name for name in files if not splits or split_of(name) in (canonical(split), "")]
    tables = [name for name in wanted if PurePosixPath(name).name in METADATA]
    named: set[str] = set()
    for name in tables:
        for item in rows(split, Path(root), name, image, references):
            place = place_of(item, Path(root))
            if not splits or split_of(place) in (canonical(split), ""):
                named.add(place)
                yield renamed(item, place)
    yield from unnamed([name for name in wanted if name not in named], set(pictures), tables, files, root)


def imagefolder_splits(root: str, **_: object) -> list[str]:
    return in_order(splits_among(pictures_in(listing(root)[0])))


def rows(split: str, root: Path, name: str, image: str, references: str) -> Read:
    """The pictures that a metadata file names, with ids as written in it."""
    file = root / name
    read = {".jsonl": jsonl, ".parquet": parquet}.get(file.suffix, csv)
    return read(split, str(file), str(file.parent), image, references)


def place_of(item: Example | LeftOut, root: Path) -> str:
    """The path of a row's picture from `root`; "" for a row that names no picture."""
    example = item if isinstance(item, Example) else item.example
    image = example.image if example else None
    return image.relative_to(root).as_posix() if isinstance(image, Path) and image.is_relative_to(root) else ""


def renamed(item: Example | LeftOut, place: str) -> Example | LeftOut:
    """A row with its picture's path as id, if its id is the path as written there."""
    written = PurePosixPath(item.id.replace("\\", "/")).name
    if not place or written.lower() != PurePosixPath(place).name.lower():
        return item
    if isinstance(item, Example):
        return replace(item, id=place)
    return replace(item, id=place, example=item.example and replace(item.example, id=place))


def unnamed(
    names: Iterable[str], pictures: Collection[str], tables: Iterable[str], files: Mapping[str, File], root: str
) -> Read:
    """The files of a split that no metadata names: pictures of folders without metadata, and what is left out."""
    folders = {PurePosixPath(table).parent for table in tables}
    covered = {name for name in names if not folders.isdisjoint(PurePosixPath(name).parents)}
    samples, used = samples_of([name for name in names if name in pictures and name not in covered], files)
    for sample in samples:
        yield from captioned(sample, "", root)
    yield from (LeftOut(name, "no metadata names it") for name in names if name in covered and name in pictures)
    yield from unused((name for name in names if name not in pictures and name not in tables), used)
