"""Folders whose layout says how they were made: by img2dataset, or for Hugging Face's imagefolder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from captioner.data.picture_files import is_picture
from captioner.data.splits import NAMED

NUMBERED = re.compile(r"\d+(_stats[.]json|[.]parquet)")  # what img2dataset writes beside its shards and folders
METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")  # of an imagefolder


def layout_of(folder: Path) -> tuple[str, str] | None:
    """The format of a folder and the option that takes its path; None for a folder of another layout."""
    names = sorted(os.listdir(folder))
    tables = [folder / name for name in names if name.endswith(".parquet")]
    if tables and any(name.endswith(".tar") for name in names) and not any(map(holds_bytes, tables)):
        return "webdataset", "shards"
    if any(map(NUMBERED.fullmatch, names)):
        return img2dataset(folder, names, tables)
    return ("imagefolder", "root") if is_imagefolder(folder, names) else None


def img2dataset(folder: Path, names: Sequence[str], tables: Sequence[Path]) -> tuple[str, str] | None:
    """img2dataset writes parquet with pictures, or folders of files and tars with parquet that has no pictures.

    None for parquet alone whose pictures lie elsewhere.
    """
    if any(map(holds_bytes, tables)):
        return "hf", "path"
    if any(name.endswith(".tar") for name in names):
        return "webdataset", "shards"
    return ("folder", "root") if any((folder / name).is_dir() for name in names) else None


def holds_bytes(table: Path) -> bool:
    """Whether a parquet file has a column of bytes or of Hugging Face's pictures. Raises ValueError without pyarrow."""
    try:
        from pyarrow import ArrowException, types
        from pyarrow.parquet import read_schema
    except ImportError:
        raise ValueError("parquet needs the package pyarrow; type pip install 'captioner[hub]'") from None
    try:
        kinds = read_schema(table).types
    except ArrowException as error:
        raise ValueError(f"{table} is no parquet: {error}") from None
    return any(types.is_binary(kind) or types.is_large_binary(kind) or types.is_struct(kind) for kind in kinds)


def is_imagefolder(folder: Path, names: Sequence[str]) -> bool:
    """Whether metadata lies in or below folders called after splits, or beside them, or in a parquet."""
    splits = [folder / name for name in names if NAMED.fullmatch(name.lower()) and (folder / name).is_dir()]
    if "metadata.parquet" in names:
        return True
    if splits and not {*names}.isdisjoint(METADATA):
        return not any(map(is_picture, names))
    return any(next(split.rglob(name), None) for split in splits for name in METADATA)
