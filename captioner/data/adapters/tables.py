"""Pictures with captions from JSONL and CSV files, and from the TSV files of Conceptual Captions."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from captioner.data.adapters.folders import is_picture
from captioner.data.columns import EMPTY, IMAGE, REFERENCES, column, texts, titled
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import Pictures, near
from captioner.data.rows.csv_cells import cells, header_of, separator_of
from captioner.data.rows.ids import once
from captioner.data.rows.merged import examples
from captioner.data.rows.records import NAMES, Columns, Entry, Row, entry, in_split, split_of, tidy
from captioner.data.splits import SPLIT, canonical, file_of, in_order, splits_of
from captioner.data.text_files import from_json, lines

Rows: TypeAlias = Callable[[], Iterable[tuple[str, Row] | LeftOut]]  # (place, record), read anew at each call


def jsonl(split: str, file: str, images: str = "", image: str = "", references: str = "", id: str = "") -> Read:
    """Pictures with captions from lines {"image": ..., "references": [...], "split": ..., "id": ...}.

    Other usual names of the columns are known too. Without an id the id is the image's path as written. A line without
    `split` belongs to every split. Lines of one picture are one Example. Lines are read one at a time.
    """
    path = file_of(file, split, splits_in_lines)
    yield from pictured(lambda: records(path), split, path, images, Columns(image, references, id), SPLIT in file)


def pictured(rows: Rows, split: str, path: Path, images: str, columns: Columns, by_name: bool = False) -> Read:
    """The Examples of a split in the records of a file.

    A file that was chosen `by_name` has the records of its split alone. Those of another split are LeftOuts there.
    """

    def entries() -> Iterator[Entry | LeftOut]:
        for item in rows():
            if isinstance(item, LeftOut):
                yield item
            elif in_split(item[1], split):
                yield entry(item[1], columns, item[0])
            elif by_name:
                yield LeftOut(item[0], f"its split is {split_of(item[1])!r}, and the file's name says {split!r}")

    return examples(entries, Pictures(Path(images) if images else near(path)), bool(columns.id))


def jsonl_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file, splits_in_lines)


def splits_in_lines(path: Path) -> list[str]:
    return splits_in(records(path))


def splits_in(rows: Iterable[tuple[str, Row] | LeftOut]) -> list[str]:
    """The splits that records name, each in its usual spelling."""
    named = (split_of(item[1]) for item in rows if not isinstance(item, LeftOut))
    return in_order({canonical(name) for name in named if name})


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, object) of each line."""
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            row = from_json(line, once)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number} is not JSON: {error.msg}") from None
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        except RecursionError:
            raise ValueError(f"{path}:{number} is nested too deeply") from None
        if not isinstance(row, dict):
            raise ValueError(
                f'{path}:{number}: expected an object {{"image": "a.jpg", "references": ["..."]}}, got {line[:80]!r}'
            )
        yield f"{path}:{number}", row


def csv(split: str, file: str, images: str = "", image: str = "", references: str = "", id: str = "") -> Read:
    """A header and one caption a row, such as Kaggle's `image,caption`. Rows of one picture are one Example.

    The separator is that of the header. A cell may hold a list of captions, as JSON, Python or numpy prints lists.
    `split` and `id` are as in JSONL.
    """
    path = file_of(file, split, splits_in_table)
    header = header_of(path)
    column(header, image, (*IMAGE, *NAMES), "image", file)
    columns = Columns(image, references, id)
    yield from pictured(lambda: table(path, header), split, path, images, columns, SPLIT in file)


def csv_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file, splits_in_table)


def splits_in_table(path: Path) -> list[str]:
    """The splits that the rows of a table name; none for a table without a column of splits."""
    header = header_of(path)
    return splits_in(table(path, header)) if titled(header, ("split",)) else []


def table(path: Path, header: list[str]) -> Iterator[tuple[str, dict[str, str]] | LeftOut]:
    """(place, column -> cell) of the rows below the header. A row of another length is a LeftOut."""
    rows = cells(path, separator_of(next(lines(path), "")))
    for number, row in enumerate(islice(rows, 1, None), 2):
        if len(row) == len(header):
            yield f"{path}: row {number}", {name: filled(text.strip()) for name, text in zip(header, row)}
        elif row:
            yield LeftOut(f"row {number}", f"it has {len(row)} cells, the header {len(header)}", "caption")


def filled(cell: str) -> str:
    return "" if cell in EMPTY else cell


def tsv(split: str, file: str, images: str = "", image: str = "", references: str = "", id: str = "") -> Read:
    """Conceptual Captions: a row has caption and URL (CC3M), or URL and caption (CC12M). The table has no header.

    Pictures are taken from the disk only. A downloader has named the files after the URL: its `CRC32` or
    `number_CRC32` (the common scripts for CC), or its path (`wget -x`). A table with a header is read by `csv`.
    """
    path = file_of(file, split, splits_in_table)
    first = next(cells(path, "\t"), [])
    if has_header(first):
        yield from csv(split, file, images, image, references, id)
        return
    picture = picture_column(path, first)
    yield from examples(lambda: untitled(path, picture), Pictures(Path(images) if images else near(path)))


def untitled(path: Path, picture: int) -> Iterator[Entry | LeftOut]:
    """The entries of a table of two columns without a header. `picture` is the column of addresses, 0 or 1."""
    for number, row in enumerate(cells(path, "\t")):
        if len(row) == 2:
            name, place = tidy(row[picture]), f"{path}:{number + 1}"
            yield Entry(name, name, texts(filled(row[1 - picture]), place), place, local_names(name, number))
        elif row:
            yield LeftOut(f"row {number + 1}", f"it has {len(row)} cells, expected 2", "caption")


def tsv_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file, splits_in_table)


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
