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


def column(columns: Iterable[str], typed: str, usual: Iterable[str], option: str, place: str) -> str:
    """The column with the typed name, or else the first with a usual name. Raises ValueError without such a column.

    `option` and `place` are for the error message: the option that names the column, and the file with its line.
    """
    titles = list(columns)
    for name in (typed,) if typed else usual:
        for title in titles:
            if title.strip().lower() == name.lower():
                return title
    sought = f"no column {typed!r}" if typed else f"no usual column for {option}"
    raise ValueError(f"{place} has {sought}, got {', '.join(map(repr, titles))}; type {option}=NAME")


def references_column(columns: Iterable[str], typed: str, place: str) -> str | None:
    """The column of captions; None for a table of pictures alone. Raises ValueError as `column` does."""
    titles = list(columns)
    has_captions = typed or {name.strip().lower() for name in titles} & set(REFERENCES)
    return column(titles, typed, REFERENCES, "references", place) if has_captions else None


def texts(value: Any, place: str) -> tuple[str, ...]:
    """The captions of a value: a caption, a list of captions, or a list of records with a caption under `raw`.

    Raises ValueError for another value.
    """
    items = [value] if isinstance(value, (str, Mapping)) else [] if value is None else value
    if isinstance(items, (list, tuple)):
        captions: list[Any] = [item.get("raw") if isinstance(item, Mapping) else item for item in items]
        if all(isinstance(caption, str) for caption in captions):
            return tuple(captions)
    raise ValueError(f"{place}: expected a caption or a list of captions, got {json.dumps(value, default=str)[:80]}")


def cell(text: str, place: str) -> tuple[str, ...]:
    """The captions in a cell of a CSV file: one caption, or a JSON list of captions."""
    if text.startswith("["):
        try:
            return texts(json.loads(text), place)
        except json.JSONDecodeError:
            return (text,)
    return (text,) if text else ()


def identity(ids: str, name: str, number: object) -> str:
    """The id of a picture: its file's name, or with `ids=numbers` the number for a server's results format."""
    if ids not in ("names", "numbers"):
        raise ValueError(f"ids must be names or numbers, got {ids!r}")
    return name if ids == "names" else str(number)
