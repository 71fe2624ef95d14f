"""JSON files of captions: lists of records (BLIP, LAVIS, ClipCap, LLaVA, COCO results), and captions by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import dumps
from pathlib import Path
from typing import Any

from captioner.data.adapters.folders import is_picture
from captioner.data.adapters.tables import pictured, splits_in
from captioner.data.columns import CAPTION, IMAGE, OTHERS, REFERENCES, is_sentence, titled
from captioner.data.left_out import Read
from captioner.data.rows.ids import once
from captioner.data.rows.records import NAMES, TALKS, Columns, Row
from captioner.data.splits import SPLIT, file_of, splits_of
from captioner.data.text_files import read_json

LISTS = ("annotations", "images", "data", "rows", "results")  # keys under which a list of records stands
USUAL = {*NAMES, *IMAGE, *CAPTION, *REFERENCES, *TALKS, *OTHERS}  # names of columns, which no picture has
FORM = 'records {"image": "a.jpg", "caption": "..."}, or image_id in place of image, or {"a.jpg": ["...", "..."]}'


def json(split: str, file: str, images: str = "", image: str = "", references: str = "", id: str = "") -> Read:
    """Pictures with captions from a list of records, whose keys are as in JSONL, or from captions by picture's name.

    The list may stand under `annotations`, `images` or `data`. Records of one picture are one Example.
    """
    path = file_of(file, split, splits_in_document)
    rows = list(records_of(read_json(path, once), path, image))
    yield from pictured(lambda: rows, split, path, images, Columns(image, references, id), SPLIT in file)


def json_splits(file: str, **_: Any) -> list[str]:
    return splits_of(file, splits_in_document)


def splits_in_document(path: Path) -> list[str]:
    return splits_in(records_of(read_json(path, once), path))


def records_of(document: Any, path: Path, image: str = "") -> Iterator[tuple[str, Row]]:
    """(place, record) of a document. Raises ValueError for a document of another form.

    `image` is the typed column of pictures.
    """
    rows = [document] if is_record(document) else listed(document)
    if rows is not None:
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise ValueError(f"{path}: row {number} is {dumps(row)[:80]}, expected {FORM}")
            yield f"{path}: row {number}", row
    elif is_columns(document):
        yield from (
            (f"{path}: row {number}", dict(zip(document, row))) for number, row in enumerate(zip(*document.values()), 1)
        )
    elif isinstance(document, dict) and is_transposed(document, image):
        yield from transposed(document, path)
    elif isinstance(document, dict):
        yield from ((f"{path}: {name!r}", under(name, value)) for name, value in document.items())
    else:
        raise ValueError(f"{path} holds {dumps(document)[:80]}, expected {FORM}")


def listed(document: Any) -> list[Any] | None:
    """The list of records of a document; None for a document without one."""
    if isinstance(document, list):
        return document
    lists = [document[key] for key in LISTS if key in document] if isinstance(document, dict) else []
    return next((rows for rows in lists if isinstance(rows, list) and rows and isinstance(rows[0], dict)), None)


def is_record(document: Any) -> bool:
    """Whether an object is one record, as a file of one line of JSONL holds, and not captions by picture's name.

    Such an object names a picture and a caption by usual columns, or has usual columns alone, with one value each.
    """
    if not isinstance(document, dict) or listed(document) is not None or is_transposed(document, ""):
        return False
    if is_columns(document):
        return False
    name = titled(document, (*NAMES, *IMAGE))
    said = titled(document, (*CAPTION, *TALKS, *REFERENCES))
    single = not any(isinstance(value, (list, dict)) for value in document.values())
    return bool(name and said) or (bool(name or said) and single and {key.strip().lower() for key in document} <= USUAL)


def holds_captions(document: Any) -> bool:
    """Whether a document has the form of captions of pictures, by its first record."""
    rows = [document] if is_record(document) else listed(document)
    if rows is not None:
        return (
            bool(rows) and isinstance(rows[0], dict) and names_picture(rows[0], rows is document or rows == [document])
        )
    if not isinstance(document, dict) or not document:
        return False
    name, value = next(iter(document.items()))
    return (
        is_columns(document)
        or is_transposed(document, "")
        or is_said(value)
        or (isinstance(value, str) and is_picture(name))
    )


def names_picture(row: Row, alone: bool) -> bool:
    """Whether a record names a picture, with its captions or `alone`."""
    said = titled(row, (*REFERENCES, *TALKS))
    return bool(titled(row, (*IMAGE, *NAMES)) if said else alone and titled(row, IMAGE))


def is_said(value: Any) -> bool:
    """Whether the value of a name may be its captions: a sentence, a list of texts, a record or a list of records."""
    first = value[0] if isinstance(value, list) and value else value
    record = isinstance(first, dict) and bool(titled(first, (*REFERENCES, *TALKS)))
    return record or is_sentence(first) or (isinstance(value, list) and isinstance(first, str))


def is_columns(document: Any) -> bool:
    """Whether a document is {column: [value, ...]}, as `to_dict` of `datasets` gives, with pictures and captions."""
    if not isinstance(document, dict) or not all(isinstance(column, list) for column in document.values()):
        return False
    named = titled(document, (*IMAGE, *NAMES)) and titled(document, (*CAPTION, *REFERENCES))
    return bool(named) and len({len(column) for column in document.values()}) == 1


def is_transposed(document: Mapping[str, Any], image: str) -> bool:
    """Whether a document is {column: {row: value}}, as `to_json` of pandas writes."""
    columns = document.values()
    return bool(titled(document, (image, *IMAGE, *NAMES))) and all(isinstance(column, dict) for column in columns)


def transposed(document: Mapping[str, Mapping[str, Any]], path: Path) -> Iterator[tuple[str, Row]]:
    for number in dict.fromkeys(number for column in document.values() for number in column):
        yield f"{path}: row {number}", {name: column.get(number) for name, column in document.items()}


def under(name: str, value: Any) -> Row:
    """The record of captions that stand under a picture's name, or of a record that does."""
    if isinstance(value, dict) and titled(value, (*REFERENCES, *TALKS)):
        return value if titled(value, IMAGE) else {"image": name, **value}
    return {"image": name, "captions": value}
