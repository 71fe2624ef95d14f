"""Parquet files without pictures: a row a picture or a caption, as `captioner caption` and pandas write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captioner.data.adapters.tables import pictured, splits_in
from captioner.data.left_out import Read
from captioner.data.rows.records import Columns, Row
from captioner.data.splits import SPLIT, file_of, splits_of


def parquet(split: str, file: str, images: str = "", image: str = "", references: str = "", id: str = "") -> Read:
    """Pictures with captions from the rows of a parquet file, whose columns are as in JSONL.

    A picture is named by its path. A parquet file that holds pictures is read by `hf`.
    """
    path = file_of(file, split, splits_in_rows)
    yield from pictured(lambda: rows(path), split, path, images, Columns(image, references, id), SPLIT in file)


def parquet_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file, splits_in_rows)


def splits_in_rows(path: Path) -> list[str]:
    return splits_in(rows(path))


def rows(path: Path) -> Iterator[tuple[str, Row]]:
    """(place, row) of a parquet file, a batch of rows at a time. Raises ValueError for a file that is no parquet."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ValueError("parquet needs the package pyarrow; type pip install 'captioner[hub]'") from None
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                for number, row in enumerate(batch.to_pylist(), number + 1):  # noqa: B020  # goes on counting
                    yield f"{path}: row {number}", row
    except (ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(
            f"{path} is no parquet, or damaged behind row {number}: {str(error).splitlines()[0]}"
        ) from None
