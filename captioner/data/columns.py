"""Columns of tables and keys of JSON records: the one with the picture, the one with the captions, their texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

# names of columns in public data sets, the likeliest first
IMAGE = (
    *("image", "file_name", "filename", "filepath", "image_path", "image_name", "image_file", "file", "path", "img"),
    *("image_url", "url"),
)
REFERENCES = (
    *("references", "captions", "caption", "sentences", "reference_strs", "texts", "text", "comment", "comments"),
    *("raw", "title", "alt_text", "description", "sentence", "txt"),
)


def column(columns: Iterable[str], wanted: str, usual: Iterable[str], option: str, where: str) -> str:
    """The column called `wanted`, or the first with a usual name. Raises ValueError without such a column."""
    there = list(columns)
    for name in (wanted,) if wanted else usual:
        for title in there:
            if title.strip().lower() == name.lower():
                return title
    sought = f"no column {wanted!r}" if wanted else f"no column known for {option}"
    raise ValueError(f"{where} has {sought}; it has {', '.join(map(repr, there))}: type {option}=NAME")


def references_column(columns: Iterable[str], wanted: str, where: str) -> str | None:
    """The column of captions; None for a table of pictures alone. Raises ValueError as `column` does."""
    there = list(columns)
    known = wanted or {name.strip().lower() for name in there} & set(REFERENCES)
    return column(there, wanted, REFERENCES, "references", where) if known else None


def texts(value: Any, where: str) -> tuple[str, ...]:
    """The captions of a value: a caption, a list of captions, or a list of records with a caption under `raw`.

    Raises ValueError for another value.
    """
    items = [value] if isinstance(value, (str, Mapping)) else [] if value is None else value
    if isinstance(items, (list, tuple)):
        captions: list[Any] = [item.get("raw") if isinstance(item, Mapping) else item for item in items]
        if all(isinstance(caption, str) for caption in captions):
            return tuple(captions)
    raise ValueError(f"{where}: a caption or a list of captions is expected, got {json.dumps(value, default=str)[:80]}")


def cell(text: str, where: str) -> tuple[str, ...]:
    """The captions in a cell of a CSV file: one, or a JSON list of them."""
    if text.startswith("["):
        try:
            return texts(json.loads(text), where)
        except json.JSONDecodeError:
            return (text,)
    return (text,) if text else ()


def identity(ids: str, name: str, number: object) -> str:
    """The id of a picture: its file's name, or with `ids=numbers` the number that a server's results format wants."""
    if ids not in ("names", "numbers"):
        raise ValueError(f"ids is names or numbers, got {ids!r}")
    return name if ids == "names" else str(number)
