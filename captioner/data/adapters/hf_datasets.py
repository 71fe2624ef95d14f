"""Hugging Face `datasets`: a folder of save_to_disk, a folder or id that load_dataset takes, or a stream of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.data.columns import IMAGE, REFERENCES, column, texts
from captioner.data.left_out import LeftOut, Read
from captioner.data.splits import canonical, in_order, same
from metric.example import Example, Picture
from metric.images import InMemory, Stored

ID = ("id", "filename", "file_name", "image_id", "img_id", "cocoid", "key")
NUMBERED = re.compile(r"(captions?|texts?|sentences?|references?)[_ ]?\d+", re.IGNORECASE)  # caption_0, caption_1, ...
ROWS = 1000  # at a time
SAVED = ("state.json", "dataset_dict.json")  # files that save_to_disk writes


@dataclass(frozen=True)
class InTable(Stored):
    """A picture in a data set's Arrow table, which is mapped, not in memory."""

    table: Any
    row: int
    column: str
    name: str

    @property
    def data(self) -> bytes:  # type: ignore[override]
        return self.table[self.row][self.column]["bytes"]


def hf(
    split: str,
    path: str,
    config: str = "",
    image: str = "",
    references: str = "",
    id: str = "",
    streaming: bool = False,
) -> Read:
    """A data set of the Hugging Face hub, or a folder of `save_to_disk`.

    Columns are chosen by type unless options name them (`references=caption_0+caption_1`). A column `split` decides the
    split of a row. The id comes from the id column, else from the picture's file name, else from the row's number.
    Neighbouring rows with one id are one Example.
    """
    tables = opened(path, config, streaming)
    for name, table in chosen(tables, split, path).items():
        columns = Columns.choose(table.features, image, references, id, path)
        yield from merged(examples(table, columns, split, name))


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
    """Split -> table. A data set without splits has its table under an empty name."""
    datasets = library()
    if any((Path(path) / name).is_file() for name in SAVED):
        loaded = datasets.load_from_disk(path)
        loaded = {name: table.to_iterable_dataset() for name, table in as_dict(loaded).items()} if streaming else loaded
    else:
        loaded = datasets.load_dataset(path, config or None, streaming=streaming)
    return as_dict(loaded)


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
        if len(pictures) > 1 and not image:
            raise several(pictures, "image", path)
        image = column(features, image or (pictures or [""])[0], IMAGE, "image", path)
        identity = id and column(features, id, (), "id", path)
        return cls(
            image,
            tuple(column(features, name, (), "references", path) for name in references.split("+") if name)
            or captions_of(features, image, path),
            identity or next((name for name in ID if name in features), ""),
            "split" if "split" in features else "",
        )


def several(names: list[str], option: str, path: str) -> ValueError:
    return ValueError(f"{path} has several columns for {option}, {', '.join(names)}: type {option}=NAME")


def captions_of(features: Mapping[str, Any], image: str, path: str) -> tuple[str, ...]:
    """The columns of captions; none where no column holds text."""
    free = [name for name in features if name not in (image, "split", *ID, *IMAGE) and holds_text(features[name])]
    numbered = tuple(name for name in free if NUMBERED.fullmatch(name))
    usual = next((name for title in REFERENCES for name in free if name.lower() == title), "")
    if not (usual or numbered or len(free) < 2):
        raise several(free, "references", path)
    return (usual,) if usual else numbered or tuple(free)


def holds_text(feature: Any) -> bool:
    """Whether a column holds strings, lists of strings, or lists of records with a `raw` string as Karpathy's."""
    datasets = library()
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return holds_text(feature.feature)
    if isinstance(feature, Mapping):
        return "raw" in feature
    return isinstance(feature, datasets.Value) and feature.dtype in ("string", "large_string")


def examples(table: Any, columns: Columns, split: str, part: str) -> Iterator[Example | LeftOut]:
    datasets = library()
    table = table.cast_column(columns.image, datasets.Image(decode=False))
    mapped = isinstance(table, datasets.Dataset)
    for number, row in enumerate(light(table, columns) if mapped else table):
        if columns.split and not same(row[columns.split], split):
            continue
        picture = row[columns.image] or {"path": None, "bytes": None}
        name = name_of(row, columns, picture, f"{part or split}-{number:08d}")
        image: Picture | Path | None = None
        if picture["bytes"] is None:
            image = Path(picture["path"]) if picture["path"] else None
        else:
            image = InTable(table, number, columns.image, name) if mapped else InMemory(name, picture["bytes"])
        references = tuple(text for column in columns.references for text in texts(row[column], f"{name}: {column}"))
        yield Example(name, image, references) if image else LeftOut(name, "the row has no picture")


def name_of(row: Mapping[str, Any], columns: Columns, picture: Mapping[str, Any], otherwise: str) -> str:
    if columns.id:
        return str(row[columns.id])
    return Path(picture["path"]).name if picture["path"] else otherwise


def light(table: Any, columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows, in which b"" stands for the bytes of a picture, so that the bytes stay on the disk."""
    import pyarrow.compute as arrow

    for batch in table.with_format("arrow").iter(batch_size=ROWS):
        pictures = batch[columns.image].combine_chunks()
        paths = pictures.field("path").to_pylist()
        has_bytes = arrow.is_valid(pictures.field("bytes")).to_pylist()
        pairs = [{"path": path, "bytes": b"" if stored else None} for path, stored in zip(paths, has_bytes)]
        others = batch.drop_columns([columns.image]).to_pylist()
        yield from ({**row, columns.image: pair} for row, pair in zip(others, pairs))


def merged(read: Read) -> Read:
    """Neighbouring Examples of one id as one Example with all their captions."""
    last: Example | None = None
    for item in read:
        if isinstance(item, LeftOut):
            yield item
        elif last and item.id == last.id:
            last = Example(last.id, last.image, last.references + item.references)
        else:
            if last:
                yield last
            last = item
    if last:
        yield last
