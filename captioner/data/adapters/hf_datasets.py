"""Hugging Face `datasets`: a folder of save_to_disk, a folder or id that load_dataset takes, or a stream of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from captioner.data.adapters.hf_rows import joined, rows
from captioner.data.columns import IMAGE, NO_CAPTIONS, NUMBERED, REFERENCES, column, is_captions_name
from captioner.data.left_out import Read
from captioner.data.rows.records import tell_unread
from captioner.data.splits import canonical, in_order, same
from metric.runtime.console import tell

ID = ("id", "filename", "file_name", "image_id", "img_id", "cocoid", "key")
BYTES = ("jpg", "jpeg", "png", "webp", "image", "image_bytes", "img", "bytes")  # columns of bytes that hold pictures
SAVED = ("state.json", "dataset_dict.json")  # files that save_to_disk writes
BINARY = ("binary", "large_binary")  # Arrow's types of bytes
PARQUET = ".parquet"
NUMBER = re.compile(r"\d+")  # img2dataset calls its files 00000.parquet


def hf(
    split: str,
    path: str,
    config: str = "",
    image: str = "",
    references: str = "",
    id: str = "",
    streaming: bool = False,
) -> Read:
    """A data set of the Hugging Face hub, a folder of `save_to_disk`, or parquet files such as img2dataset's.

    Columns are chosen by type unless options name them (`references=caption_0+caption_1`). A column `split` decides the
    split of a row. The id comes from the id column, else from the picture's file name, else from the row's number. Rows
    of one picture are one Example: rows with one id, or without a column of ids rows with one file name and equal
    bytes. A stream joins neighbouring rows only.
    """
    tables = opened(path, config, streaming)
    for name, table in chosen(tables, split, path).items():
        columns = Columns.choose(table.features, image, references, id, path)
        encoded = table.cast_column(columns.image, library().Image(decode=False))
        yield from joined(encoded, columns, rows(encoded, columns, split, name or split))


def hf_splits(path: str, config: str = "", streaming: bool = False, **_: Any) -> list[str]:
    tables = opened(path, config, streaming)
    if any("split" in (table.features or {}) for table in tables.values()):
        return in_order({canonical(name) for table in tables.values() for name in table.unique("split")})
    return in_order(canonical(name) for name in tables if name)


def library() -> Any:
    try:
        import datasets
    except ImportError:
        raise ValueError("hf needs the package datasets; type pip install 'captioner[hub]'") from None
    return datasets


def opened(path: str, config: str, streaming: bool) -> dict[str, Any]:
    """Split -> table. A data set without splits has its table under an empty name.

    Raises ValueError for files that `datasets` cannot read.
    """
    datasets = library()
    files = numbered(Path(path).expanduser())
    try:
        if any((Path(path) / name).is_file() for name in SAVED):
            loaded = as_dict(datasets.load_from_disk(path))
            return {name: table.to_iterable_dataset() for name, table in loaded.items()} if streaming else loaded
        if files:
            return {"": datasets.load_dataset("parquet", data_files=files, split="train", streaming=streaming)}
        return as_dict(datasets.load_dataset(path, config or None, streaming=streaming))
    except datasets.exceptions.DatasetsError as error:
        raise ValueError(f"{path} cannot be read by datasets: {error.__cause__ or error}") from None


def numbered(path: Path) -> list[str]:
    """The parquet files of a path without splits: a file, a pattern, or the files 00000.parquet, ... of a folder."""
    if path.suffix.lower() == PARQUET and has_magic(str(path)):
        found = sorted(glob(str(path), recursive=True))
        if not found:
            raise ValueError(f"no file matches {path}")
        return found
    if path.suffix.lower() == PARQUET and path.is_file():
        return [str(path)]
    return [str(file) for file in sorted(path.glob(f"*{PARQUET}")) if NUMBER.fullmatch(file.stem)]


def as_dict(tables: Any) -> dict[str, Any]:
    return dict(tables) if isinstance(tables, Mapping) else {"": tables}


def chosen(tables: dict[str, Any], split: str, path: str) -> dict[str, Any]:
    if "" in tables or any("split" in (table.features or {}) for table in tables.values()):
        return tables
    of_split = {name: table for name, table in tables.items() if same(name, split)}
    if not of_split:
        raise ValueError(f"{path} has the splits {', '.join(tables)}, got {split!r}")
    return of_split


@dataclass(frozen=True)
class Columns:
    image: str
    references: tuple[str, ...]
    id: str
    split: str

    @classmethod
    def choose(cls, features: Mapping[str, Any] | None, image: str, references: str, id: str, path: str) -> Columns:
        """The columns that options name, and the others by their type. Raises ValueError where several columns fit."""
        if features is None:
            raise ValueError(f"{path} does not name its columns while streaming; type streaming=0")
        pictures = [name for name, feature in features.items() if isinstance(feature, library().Image)]
        pictures = pictures or [name for name in BYTES if getattr(features.get(name), "dtype", "") in BINARY]
        if len(pictures) > 1 and not image:
            raise several(pictures, "image", path)
        image = column(features, image or (pictures or [""])[0], IMAGE, "image", path)
        identity = id and column(features, id, (), "id", path)
        typed = [] if references == NO_CAPTIONS else references.split("+")
        return cls(
            image,
            tuple(column(features, name, (), "references", path) for name in typed)
            if references
            else captions_of(features, image, path),
            identity or next((name for name in ID if name in features), ""),
            "split" if "split" in features else "",
        )


def several(names: list[str], option: str, path: str) -> ValueError:
    return ValueError(f"{path} has several columns for {option}, {', '.join(names)}: type {option}=NAME")


def captions_of(features: Mapping[str, Any], image: str, path: str) -> tuple[str, ...]:
    """The columns of captions; none where no column holds text. A column is named that only its texts give away."""
    free = [name for name in features if name not in (image, "split", *ID, *IMAGE) and holds_text(features[name])]
    numbered = tuple(name for name in free if NUMBERED.fullmatch(name))
    usual = next((name for title in REFERENCES for name in free if name.lower() == title), "")
    if not (usual or numbered or len(free) < 2):
        raise several(free, "references", path)
    if free and not usual and not numbered:
        tell_guess(path, free[0])
    read = (usual,) if usual else numbered
    if read and (others := tuple(name for name in free if name not in read and is_captions_name(name))):
        tell_unread(read, others, path)
    return (usual,) if usual else numbered or tuple(free)


@lru_cache
def tell_guess(path: str, name: str) -> None:
    """Tells once that the only column of text is taken for the captions, whatever its name says."""
    tell(
        [
            f"{path}: the captions are those of {name!r}, its only column of text; "
            f"type references=NAME for another, or references={NO_CAPTIONS}"
        ]
    )


def holds_text(feature: Any) -> bool:
    """Whether a column holds strings, lists of strings, or lists of records with a `raw` string as Karpathy's."""
    datasets = library()
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return holds_text(feature.feature)
    if isinstance(feature, Mapping):
        return "raw" in feature
    return isinstance(feature, datasets.Value) and feature.dtype in ("string", "large_string")
