"""The rows of a data set of Hugging Face as Examples: their pictures, their ids, and which rows are one picture."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from captioner.data.columns import texts
from captioner.data.left_out import LeftOut, Read
from captioner.data.splits import same
from metric.example import Example, Picture
from metric.images import InMemory, Stored

LOG = logging.getLogger(__name__)
ROWS = 1000  # at a time
Row: TypeAlias = Mapping[str, Any]


class Columns(Protocol):
    """The columns of a table; id and split may be empty."""

    @property
    def image(self) -> str: ...
    @property
    def references(self) -> tuple[str, ...]: ...
    @property
    def id(self) -> str: ...
    @property
    def split(self) -> str: ...


@dataclass(frozen=True)
class InTable(Stored):
    """A picture in a data set's Arrow table, which is mapped, not in memory. `size` is the length of its file."""

    table: Any
    row: int
    column: str
    name: str
    size: int

    @property
    def data(self) -> bytes:  # type: ignore[override]
        return self.table[self.row][self.column]["bytes"]


class Names:
    """The ids of pictures in a table without a column of ids: their file names, where these are told apart by bytes.

    The first picture of a name has it as id. Another picture of that name has its row as id.
    """

    def __init__(self) -> None:
        self.known: dict[str, list[tuple[int, str | InTable, str]]] = {}  # file name -> size, picture, id
        self.rows = 0
        self.first = ""

    def id(self, name: str, picture: Path | InTable | InMemory, row: str) -> str:
        """The id of the picture of a row. `row` is the id that the row itself gives."""
        size, mark = size_of(picture), picture if isinstance(picture, InTable) else mark_of(picture)
        known = self.known.setdefault(name, [])
        for other_size, other, id in known:
            if size == other_size and digest(mark) == digest(other):
                return id
        known.append((size, mark, row if known else name))
        self.rows += len(known) > 1
        self.first = self.first or (name if len(known) > 1 else "")
        return known[-1][2]


def size_of(picture: Path | Picture) -> int:
    """The length of a picture's file in a table or in memory; 0 for a picture on the disk."""
    return picture.size if isinstance(picture, InTable) else len(picture.data) if isinstance(picture, InMemory) else 0


def mark_of(picture: Path | InMemory) -> str:
    """What tells a picture from others of its name, without its bytes."""
    return str(picture) if isinstance(picture, Path) else picture.key


def digest(mark: str | InTable) -> str:
    return mark if isinstance(mark, str) else mark.key


def is_mapped(table: Any) -> bool:
    """Whether a table lies on the disk, and is no stream."""
    import datasets

    return isinstance(table, datasets.Dataset)


def rows(table: Any, columns: Columns, split: str, part: str) -> Read:
    """An Example for each row of a split. `part` begins the ids of rows that have no other."""
    names = Names()
    mapped = is_mapped(table)
    for number, row in enumerate(light(table, columns) if mapped else table):
        if columns.split and not same(row[columns.split], split):
            continue
        place = f"{part}-{number:08d}"
        image = picture_of(table if mapped else None, number, row, columns.image)
        if image is None:
            yield LeftOut(str(given(row, columns) or place), "the row has no picture")
            continue
        base = base_of(row[columns.image]["path"])
        id = given(row, columns) or (names.id(base, image, place) if base else place)
        yield Example(
            id, image, tuple(text for name in columns.references for text in texts(row[name], f"{id}: {name}"))
        )
    if names.rows:
        LOG.warning(
            f"{names.rows:,} pictures have the file name of another picture, the first {names.first}; their ids are "
            "their rows; type id=COLUMN for ids of a column"
        )


def given(row: Row, columns: Columns) -> str:
    """The id in the column of ids; "" without a column, and for an empty cell."""
    value = row[columns.id] if columns.id else None
    return "" if value is None else str(value)


def picture_of(table: Any, number: int, row: Row, column: str) -> Path | InTable | InMemory | None:
    """The picture of a row: in the mapped `table`, in memory, or on the disk. None for a row without a picture."""
    picture = row[column] or {"path": None, "bytes": None}
    path, data = picture["path"], picture["bytes"]
    name = path or f"row {number}"
    if data is None:
        return Path(path) if path else None
    return InMemory(name, data) if table is None else InTable(table, number, column, name, picture["size"])


def light(table: Any, columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows, in which b"" and a size stand for the bytes of a picture, so that the bytes stay on the disk."""
    import pyarrow.compute as arrow

    for batch in table.with_format("arrow").iter(batch_size=ROWS):
        pictures = batch[columns.image].combine_chunks()
        paths = pictures.field("path").to_pylist()
        sizes = arrow.binary_length(pictures.field("bytes")).to_pylist()
        pairs = [
            {"path": path, "bytes": None if size is None else b"", "size": size} for path, size in zip(paths, sizes)
        ]
        others = batch.drop_columns([columns.image]).to_pylist()
        yield from ({**row, columns.image: pair} for row, pair in zip(others, pairs))


def joined(table: Any, columns: Columns, read: Read) -> Read:
    """The Examples, where those of one id are one with all their captions.

    A mapped table whose ids do not lie together is read whole, without its pictures. In a stream only neighbours are
    joined.
    """
    return gathered(read) if is_mapped(table) and scattered(ids(table, columns)) else merged(read)


def ids(table: Any, columns: Columns) -> Iterator[object]:
    """The id of each row of a mapped table, or the file name of its picture. None for a row that has neither."""
    for batch in table.select_columns([columns.id or columns.image]).with_format("arrow").iter(batch_size=ROWS):
        cells = batch.column(0).combine_chunks()
        yield from cells.to_pylist() if columns.id else map(base_of, cells.field("path").to_pylist())


def base_of(path: str | None) -> str | None:
    """The last part of a path, written in Windows or elsewhere."""
    return path.replace("\\", "/").rpartition("/")[2] if path else None


def scattered(ids: Iterable[object]) -> bool:
    """Whether an id comes again after another id. None is no id."""
    seen: set[object] = set()
    last = None
    for id in ids:
        if id is not None and id != last and id in seen:
            return True
        seen.add(id)
        last = id
    return False


def gathered(read: Read) -> Read:
    """Examples of one id as one Example, in the order of the first of each."""
    found: dict[str, Example] = {}
    for item in read:
        if isinstance(item, LeftOut):
            yield item
        elif item.id in found:
            yield from strange(found[item.id], item)
            found[item.id] = together(found[item.id], item)
        else:
            found[item.id] = item
    yield from found.values()


def merged(read: Read) -> Read:
    """Neighbouring Examples of one id as one Example."""
    last: Example | None = None
    for item in read:
        if isinstance(item, LeftOut):
            yield item
        elif last and item.id == last.id:
            yield from strange(last, item)
            last = together(last, item)
        else:
            if last:
                yield last
            last = item
    if last:
        yield last


def together(one: Example, other: Example) -> Example:
    return Example(one.id, one.image, one.references + other.references)


def strange(one: Example, other: Example) -> list[LeftOut]:
    """A further picture of an id that is not the first one, by the length of its file."""
    if size_of(one.image) == size_of(other.image):
        return []
    return [LeftOut(one.id, "a further row with its id has another picture, and only its captions are taken")]
