"""Captions as parquet: a row a picture, with the columns of JSONL. Needs pyarrow."""

from __future__ import annotations

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
    """Writes id, caption and scores; where a picture has several captions, lists of captions and scores beside."""
    arrow = library()
    several = any(len(row.captions) > 1 for row in rows)
    names = dict.fromkeys(name for row in rows for name in row.scores)
    number = arrow.list_(arrow.float64()) if several else arrow.float64()
    columns = {"id": arrow.string(), "caption": arrow.string()}
    columns |= {"captions": arrow.list_(arrow.string())} if several else {}
    schema = arrow.schema([*(columns | dict.fromkeys(names, number)).items()])
    with whole_file(out) as new, arrow.parquet.ParquetWriter(new, schema) as file:
        for group in grouped(record(row, several) for row in rows):
            file.write_table(arrow.Table.from_pylist(group, schema=schema))


def record(row: Row, several: bool) -> dict[str, Any]:
    """The cells of a row. A row without a score has an empty cell."""
    if several:
        return {"id": row.id, "caption": row.captions[0], "captions": row.captions, **row.scores}
    return {"id": row.id, "caption": row.captions[0], **{name: values[0] for name, values in row.scores.items()}}


def grouped(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(records, GROUP)):
        yield group


def read_parquet(out: Path) -> dict[str, list[str]]:
    """Captions by id. Raises ValueError for a file without the columns id and caption."""
    arrow = library()
    try:
        rows = arrow.parquet.read_table(out).to_pylist()
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{out} is no parquet: {str(error).splitlines()[0]}; give another --out") from None
    if rows and not {"id", "caption"} <= rows[0].keys():
        raise ValueError(f"{out} has no columns id and caption; give another --out")
    return {row["id"]: row.get("captions") or [row["caption"]] for row in rows}
