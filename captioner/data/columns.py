"""Columns of tables and keys of JSON records: the one with the picture, the one with the captions, their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from captioner.data.picture_files import is_picture
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
CAPTION_WORDS = {"caption", "captions", "text", "texts", "sentence", "sentences", "reference", "references"}
CAPTION_WORDS |= {"description", "descriptions", "comment", "comments"}  # words in the names of columns of captions
ABOUT_WORDS = {"id", "ids", "url", "path", "file", "name", "number", "length", "len", "count", "source", "score"}
ABOUT_WORDS |= {"type", "lang", "language", "date", "time", "author", "model"}  # of columns that tell of captions
# letters of scripts without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese
UNSPACED = re.compile("[\u0e01-\u0edf\u1000-\u109f\u1780-\u17dc\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
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
    """Raises ValueError for a record without captions that has sentences, or texts of captions, under an unknown name.

    Such texts may be the captions, so that the record is not taken for a picture alone.
    """
    skipped = {*OTHERS, *IMAGE, *known}
    may_be = {name: is_sentence(value) or is_further(name, value) for name, value in row.items()}
    free = [name for name, fits in may_be.items() if fits and name.strip().lower() not in skipped]
    if free:
        raise ValueError(
            f"{place} has no usual column for references, got {', '.join(map(repr, row))}; "
            f"type references={free[0]}, or references={NO_CAPTIONS} for pictures alone"
        )


def is_sentence(value: object) -> bool:
    """Whether a value may be a caption or a list of captions: text of several words, or of a script without spaces.

    >>> is_sentence("a dog runs"), is_sentence("\u72d7\u5728\u8dd1"), is_sentence("dog")
    (True, True, False)
    """
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_sentence, value))
    if not isinstance(value, str):
        return False
    return len(value.split()) > 1 or (len(UNSPACED.findall(value)) > 1 and not is_picture(value))


def is_further(name: str, value: object) -> bool:
    """Whether a column may have further captions: text under a name such as `caption_de` or `text_1`."""
    items = value if isinstance(value, (list, tuple)) else [value]
    letters = all(isinstance(item, str) and any(letter.isalpha() for letter in item) for item in items)
    return bool(items) and letters and is_captions_name(name)


def is_captions_name(name: str) -> bool:
    """Whether the name of a column speaks of captions, and is none of the usual names.

    >>> is_captions_name("caption_de"), is_captions_name("caption_id"), is_captions_name("caption")
    (True, False, False)
    """
    words = set(re.split(r"[^a-z]+", name.strip().lower()))
    known = name.strip().lower() in (*REFERENCES, *CAPTION)
    return bool(words & CAPTION_WORDS) and not (known or words & ABOUT_WORDS)


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
