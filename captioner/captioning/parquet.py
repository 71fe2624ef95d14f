"""Captions as parquet: a row a picture, with the columns of JSONL. Needs pyarrow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from captioner.captioning.journal import Row, Rows
from metric.example import Example
from metric.storage.atomic_files import whole_file

GROUP = 10_000  # rows of a row group


def library() -> Any:
    """The module pyarrow. Raises ValueError when the package is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError("parquet needs the package pyarrow; type pip install 'captioner[hub]'") from None
    return pyarrow


def write_parquet(out: Path, rows: Rows, _: Callable[[], Iterable[Example]]) -> None:
    """Writes id, caption and scores; where a picture has several captions, lists of captions and scores beside.

    Rows of before keep their columns.
    """
    arrow = library()
    several = any(len(row.captions) > 1 and not row.raw or "captions" in (row.raw or [{}])[0] for row in rows)
    names = dict.fromkeys(name for row in rows for name in row.scores)
    number = arrow.list_(arrow.float64()) if several else arrow.float64()
    columns = {"id": arrow.string(), "caption": arrow.string()}
    columns |= {"captions": arrow.list_(arrow.string())} if several else {}
    columns |= further(arrow, rows, {*columns})
    schema = arrow.schema([*(columns | {name: number for name in names if name not in columns}).items()])
    with whole_file(out) as new, arrow.parquet.ParquetWriter(new, schema) as file:
        for group in grouped(entry for row in rows for entry in row.raw or [record(row, several)]):
            file.write_table(arrow.Table.from_pylist(group, schema=schema))


def further(arrow: Any, rows: Rows, known: set[str]) -> dict[str, Any]:
    """The types of further columns that rows of before have."""
    kept = [{name: value for name, value in entry.items() if name not in known} for row in rows for entry in row.raw]
    return {field.name: field.type for field in arrow.Table.from_pylist(kept).schema} if kept else {}


def record(row: Row, several: bool) -> dict[str, Any]:
    """The cells of a row. A row without a score has an empty cell."""
    if several:
        return {"id": row.id, "caption": row.captions[0], "captions": row.captions, **row.scores}
    return {"id": row.id, "caption": row.captions[0], **{name: values[0] for name, values in row.scores.items()}}


def grouped(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(records, GROUP)):
        yield group


def read_parquet(out: Path) -> list[Row]:
    """The rows of a file, which are written again with all their columns.

    Raises ValueError for a file without the columns id and caption, and for a column that no journal can hold.
    """
    arrow = library()
    try:
        rows = arrow.parquet.read_table(out).to_pylist()
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{out} is no parquet: {str(error).splitlines()[0]}; give another --out") from None
    if rows and not {"id", "caption"} <= rows[0].keys():
        raise ValueError(f"{out} has no columns id and caption; give another --out")
    try:
        json.dumps(rows)
    except TypeError as error:
        raise ValueError(f"{out} has a column that cannot be kept, {error}; give another --out") from None
    return [
        Row(str(row["id"]), 0, row.get("captions") or [row["caption"]], raw=[row | {"id": str(row["id"])}])
        for row in rows
    ]
