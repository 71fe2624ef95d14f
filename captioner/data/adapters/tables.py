"""Pictures with captions from JSONL and CSV files, and from the TSV files of Conceptual Captions."""

from __future__ import annotations

import csv as separated
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from captioner.data.adapters.folders import is_picture
from captioner.data.columns import IMAGE, REFERENCES, cell, column, references_column, texts
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import Pictures, near
from captioner.data.splits import file_of, in_order, same, splits_of
from captioner.data.text_files import lines

SEPARATORS = ",\t|;"
LONGEST = 2**24  # characters of a cell; Python's csv stops at 2**17 by default


class Plain(separated.excel):
    """Tables in which a quotation mark has no meaning."""

    quoting = separated.QUOTE_NONE


def jsonl(split: str, file: str, images: str = "", image: str = "", references: str = "") -> Read:
    """Pictures with captions from lines {"image": ..., "references": [...], "split": ..., "id": ...}.

    Other usual names of the columns are known too.

    Without `id` the id is the image's path as written. A line without `split` belongs to every split. Lines are read
    one at a time.
    """
    path = file_of(file, split)
    pictures = Pictures(Path(images) if images else near(path))
    for place, row in records(path):
        if not same(row.get("split", split), split):
            continue
        name = row[column(row, image, IMAGE, "image", place)]
        if not isinstance(name, str) or not name:
            raise ValueError(f"{place}: the picture must be a path, got {json.dumps(name)[:80]}")
        captions = references_column(row, references, place)
        yield pictures.example(str(row.get("id", name)), (name,), texts(row[captions], place) if captions else ())


def jsonl_splits(file: str, **_: Any) -> list[str]:
    named = splits_of(file)
    return named or in_order({row["split"] for _, row in records(Path(file)) if isinstance(row.get("split"), str)})


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, object) of each line."""
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number} is not JSON: {error.msg}") from None
        if not isinstance(row, dict):
            raise ValueError(
                f'{path}:{number}: expected an object {{"image": "a.jpg", "references": ["..."]}}, got {line[:80]!r}'
            )
        yield f"{path}:{number}", row


def csv(split: str, file: str, images: str = "", image: str = "", references: str = "") -> Read:
    """A header and one caption a row, such as Kaggle's `image,caption`. Rows of one picture are one Example.

    The separator is that of the header. A cell may hold a JSON list of captions. `split` and `id` are as in JSONL.
    """
    path = file_of(file, split)
    pictures = Pictures(Path(images) if images else near(path))
    header = header_of(path)
    picture = column(header, image, IMAGE, "image", file)
    caption = references_column(header, references, file)
    pairs: dict[str, tuple[str, list[str]]] = {}
    for row in table(path, header):
        if isinstance(row, LeftOut):
            yield row
        elif row[picture] and same(row.get("split") or split, split):
            captions = pairs.setdefault(row[picture], (row.get("id") or row[picture], []))[1]
            captions.extend(cell(row[caption], f"{file}: {row[picture]}") if caption else ())
    for name, (key, captions) in pairs.items():
        yield pictures.example(key, (name,), tuple(captions))


def csv_splits(file: str, **_: Any) -> list[str]:
    if named := splits_of(file):
        return named
    rows = table(Path(file), header_of(Path(file)))
    return in_order({row["split"] for row in rows if isinstance(row, dict) and row.get("split")})


def header_of(path: Path) -> list[str]:
    first = next(lines(path), "")
    return [name.strip() for name in next(cells(path, separator_of(first)), [])]


def table(path: Path, header: list[str]) -> Iterator[dict[str, str] | LeftOut]:
    """The rows below the header as column -> cell. Rows of another length are left out (Flickr30k's table has one)."""
    rows = cells(path, separator_of(next(lines(path), "")))
    for number, row in enumerate(islice(rows, 1, None), 2):
        if len(row) == len(header):
            yield {name: text.strip() for name, text in zip(header, row)}
        elif row:
            yield LeftOut(f"row {number}", f"it has {len(row)} cells, the header {len(header)}", "caption")


def separator_of(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def cells(path: Path, separator: str) -> Iterator[list[str]]:
    """The rows of a table. Quotation marks quote in CSV files only; in others they belong to the caption."""
    separated.field_size_limit(LONGEST)
    dialect = separated.excel if separator in ",;" else Plain
    try:
        yield from separated.reader(lines(path, newline=""), dialect, delimiter=separator)
    except separated.Error as error:
        raise ValueError(f"{path} cannot be read as a table separated by {separator!r}: {error}") from None


def tsv(split: str, file: str, images: str = "", image: str = "", references: str = "") -> Read:
    """Conceptual Captions: a row has caption and URL (CC3M), or URL and caption (CC12M). The table has no header.

    Pictures are taken from the disk only. A downloader has named the files after the URL: its `CRC32` or
    `number_CRC32` (the common scripts for CC), or its path (`wget -x`). A table with a header is read by `csv`.
    """
    path = file_of(file, split)
    first = next(cells(path, "\t"), [])
    if has_header(first):
        yield from csv(split, str(path), images, image, references)
        return
    picture = picture_column(path, first)
    pictures = Pictures(Path(images) if images else near(path))
    for number, row in enumerate(cells(path, "\t")):
        if row and len(row) != len(first):
            raise ValueError(f"{path}:{number + 1} has {len(row)} cells, expected {len(first)} as in the first row")
        if row:
            yield pictures.example(row[picture], local_names(row[picture], number), (row[1 - picture],))


def tsv_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file) or (csv_splits(file) if has_header(next(cells(Path(file), "\t"), [])) else [])


def has_header(row: Sequence[str], titles: Sequence[str] = (*IMAGE, *REFERENCES)) -> bool:
    return any(name.strip().lower() in titles for name in row)


def picture_column(path: Path, row: Sequence[str]) -> int:
    """The column of the first row with an address or a file's name, 0 or 1. Raises ValueError without one."""
    places = [place for place, text in enumerate(row) if "://" in text or is_picture(text)]
    if len(row) != 2 or len(places) != 1:
        raise ValueError(
            f"{path} has the first row {row}; expected a caption and a URL or file, or a header with the columns' names"
        )
    return places[0]


def local_names(name: str, number: int) -> tuple[str, ...]:
    """The names that the picture of a row may have on the disk."""
    if "://" not in name:
        return (name,)
    crc, address = zlib.crc32(name.encode()), urlsplit(name)
    downloaded = [f"{stem}{ending}" for stem in (f"{crc}", f"{number}_{crc}") for ending in ("", ".jpg")]
    return (*downloaded, f"{address.netloc}{address.path}")
