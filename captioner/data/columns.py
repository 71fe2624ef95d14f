"""Columns of tables and keys of JSON records: the one with the picture, the one with the captions, their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from captioner.data.rows.printed_lists import strings
from captioner.data.text_files import from_json

# names of columns in public data sets, the likeliest first
IMAGE = (
    *("image", "file_name", "filename", "filepath", "image_path", "image_name", "image_file", "file", "path", "img"),
    *("images", "image_url", "url"),
)
REFERENCES = (
    *("references", "captions", "caption", "sentences", "reference_strs", "texts", "text", "comment", "comments"),
    *("raw", "title", "alt_text", "description", "sentence", "txt"),
)
# columns with the caption that a captioner has made, the likeliest first
CAPTION = (
    *("prediction", "predicted_caption", "generated_caption", "generated_text", "pred", "caption", "response"),
    *("answer", "output", "captions", "text"),
)
NUMBERED = re.compile(r"(captions?|texts?|sentences?|references?)[_ ]?\d+", re.IGNORECASE)  # caption_0, caption_1, ...
NO_CAPTIONS = "none"  # as the name of a column: the pictures have no captions
# columns that other programs write beside captions
OTHERS = (
    *("split", "id", "image_id", "img_id", "cocoid", "key", "custom_id", "label", "labels", "category", "categories"),
    *("class", "class_name", "license", "credit", "author", "photographer", "source", "dataset", "status", "exif"),
    *("error_message", "model", "error", "date", "date_captured", "question", "prompt", "instruction", "domain"),
)
RAW = ("raw", "caption", "text", "value")  # keys of a record that is a caption
EMPTY = frozenset(["nan", "NaN", "None", "null", "NULL", "<NA>"])  # empty cells as pandas and databases print them


def column(columns: Iterable[str], typed: str, usual: Iterable[str], option: str, place: str) -> str:
    """The column with the typed name, or else the first with a usual name. Raises ValueError without such a column.

    `option` and `place` are for the error message: the option that names the column, and the file with its line.
    """
    titles = list(columns)
    found = titled(titles, (typed,) if typed else usual)
    if found is None and not titles:
        raise ValueError(f"{place} is empty, expected a header with the columns' names")
    if found is None:
        sought = f"no column {typed!r}" if typed else f"no usual column for {option}"
        raise ValueError(f"{place} has {sought}, got {', '.join(map(repr, titles))}; type {option}=NAME")
    return found


def titled(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """The column with the first of `names` that a column has, in any case; None without one."""
    spelt = {title.strip().lower(): title for title in reversed(list(columns))}
    return next((spelt[name.lower()] for name in names if name.lower() in spelt), None)


def references_column(columns: Iterable[str], typed: str, place: str) -> str | None:
    """The column of captions; None for a table of pictures alone. Raises ValueError as `column` does."""
    titles = list(columns)
    has_captions = typed or titled(titles, REFERENCES)
    return column(titles, typed, REFERENCES, "references", place) if has_captions else None


def check_unknown(row: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    """Raises ValueError for a record without captions that has texts of several words under an unknown name.

    Such texts may be the captions, so that the record is not taken for a picture alone.
    """
    skipped = {*OTHERS, *IMAGE, *known}
    free = [name for name, value in row.items() if name.strip().lower() not in skipped and is_sentence(value)]
    if free:
        raise ValueError(
            f"{place} has no usual column for references, got {', '.join(map(repr, row))}; "
            f"type references={free[0]}, or references={NO_CAPTIONS} for pictures alone"
        )


def is_sentence(value: object) -> bool:
    """Whether a value may be a caption or a list of captions: text of several words."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_sentence, value))
    return isinstance(value, str) and len(value.split()) > 1


def texts(value: Any, place: str) -> tuple[str, ...]:
    """The captions of a value: a caption, a list of captions, or a list of records with a caption under `raw`.

    A list may be printed text, as Python and numpy print lists. A caption that is null becomes "", which is left out
    and counted where blank captions are. Raises ValueError for another value.
    """
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(text for item in items for text in texts_of(item, place))


def texts_of(item: Any, place: str) -> tuple[str, ...]:
    if isinstance(item, Mapping):
        item = next((item[name] for name in RAW if name in item), item)
    if item is None or item != item:  # null, or NaN of pandas
        return ("",)
    if not isinstance(item, str):
        raise ValueError(f"{place}: expected a caption or a list of captions, got {json.dumps(item, default=str)[:80]}")
    return printed(item, place)


def printed(text: str, place: str) -> tuple[str, ...]:
    """The captions of a text: those of a list that JSON, Python or numpy has printed, else the text.

    Raises ValueError for a text that begins like a list of strings and is not one to its end.
    """
    start = text.lstrip()[:1]
    if start == "[" and (listed := json_list(text)) is not None:
        return texts(listed, place)
    found = strings(text, place) if start in ("[", "(", "{", "a") else None
    return (text,) if found is None else found


def json_list(text: str) -> list[str | None] | None:
    """The list of strings that a text is in JSON; None for other text."""
    try:
        listed = from_json(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return listed if all(item is None or isinstance(item, str) for item in listed) else None


def cell(text: str, place: str) -> tuple[str, ...]:
    """The captions in a cell of a CSV file: one caption, or a list of captions. An empty cell has a blank caption."""
    return printed("" if text in EMPTY else text, place)


def identity(ids: str, name: str, number: object) -> str:
    """The id of a picture: its file's name, or with `ids=numbers` the number for a server's results format."""
    if ids not in ("names", "numbers"):
        raise ValueError(f"ids must be names or numbers, got {ids!r}")
    return name if ids == "names" else str(number)
