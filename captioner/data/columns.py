"""A row of anyone's table or a record's JSON: which column is the picture, which the captions, what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

# names that columns have in public data sets, the likeliest first
IMAGE = (
    *("image", "file_name", "filename", "filepath", "image_path", "image_name", "image_file", "file", "path", "img"),
    *("image_url", "url"),
)
REFERENCES = (
    *("references", "captions", "caption", "sentences", "reference_strs", "texts", "text", "comment", "comments"),
    *("raw", "title", "alt_text", "description", "sentence", "txt"),
)


def column(columns: Iterable[str], wanted: str, usual: Iterable[str], option: str, where: str) -> str:
    """The column that was asked for, or the first by its usual names. Raises ValueError."""
    there = list(columns)
    for name in (wanted,) if wanted else usual:
        for each in there:
            if each.strip().lower() == name.lower():
                return each
    sought = f"no column {wanted!r}" if wanted else f"no column known for {option}"
    raise ValueError(f"{where} has {sought}; it has {', '.join(map(repr, there))}: type {option}=NAME")


def references_column(columns: Iterable[str], wanted: str, where: str) -> str | None:
    """As `column`, but a table of pictures alone needs none."""
    there = list(columns)
    known = wanted or {name.strip().lower() for name in there} & set(REFERENCES)
    return column(there, wanted, REFERENCES, "references", where) if known else None


def texts(value: Any, where: str) -> tuple[str, ...]:
    """One caption, a list of them, or of records that hold it under `raw`, as Karpathy's do."""
    each = [value] if isinstance(value, (str, Mapping)) else [] if value is None else value
    if isinstance(each, (list, tuple)):
        found: list[Any] = [text.get("raw") if isinstance(text, Mapping) else text for text in each]
        if all(isinstance(text, str) for text in found):
            return tuple(found)
    raise ValueError(f"{where}: a caption or a list of captions is expected, got {json.dumps(value, default=str)[:80]}")


def cell(text: str, where: str) -> tuple[str, ...]:
    """Of a CSV's cell: a caption, or a JSON list of them."""
    if text.startswith("["):
        try:
            return texts(json.loads(text), where)
        except json.JSONDecodeError:
            return (text,)
    return (text,) if text else ()


def identity(ids: str, name: str, number: object) -> str:
    """What a picture is known by: its file's `names`, or the `numbers` that a server's results format wants."""
    if ids not in ("names", "numbers"):
        raise ValueError(f"ids is names or numbers, got {ids!r}")
    return name if ids == "names" else str(number)
