"""Captions that lie beside their pictures: `1.jpg` with `1.txt`, `1.caption`, `1.jpg.txt` or `1.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from captioner.data.columns import is_further, references_column, texts
from captioner.data.left_out import LeftOut
from captioner.data.rows.ids import once
from captioner.data.text_files import decoded, from_json
from metric.example import Example, Picture, UnreadableImage, file_bytes
from metric.storage.text_lines import text_lines

File: TypeAlias = Path | Picture
LINES = ("txt", "caption")  # endings of files with a caption a line
RECORD = "json"
CAPTIONS = ("references", "captions", "caption")  # keys of a record beside a picture; others may be about anything


@dataclass(frozen=True)
class Sample:
    """A picture and the files of captions beside it. `beside` has them by their ending, as `txt`."""

    id: str
    picture: File
    beside: Mapping[str, File] = field(default_factory=dict)


class BadText(ValueError):
    """A file of captions that cannot be used. The message is the reason."""


def content(file: File, ending: str) -> str:
    """The text of a file. Raises BadText where it is not UTF-8, or cannot be read."""
    try:
        data = file_bytes(file)
        assert data is not None
        return decoded(data)
    except UnicodeDecodeError:
        raise BadText(f"its .{ending} is no UTF-8 text") from None
    except (OSError, UnreadableImage) as error:
        raise BadText(f"its .{ending} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def lines_beside(sample: Sample) -> tuple[tuple[str, ...], list[LeftOut]]:
    """The captions in the text files of a sample, a line each, and the files that cannot be used."""
    captions: list[str] = []
    left_out = []
    for ending in (ending for ending in LINES if ending in sample.beside):
        try:
            said = [line for line in text_lines(content(sample.beside[ending], ending)) if line.strip()]
            if not said:
                raise BadText(f"its .{ending} is blank")
            captions += [line for line in said if line not in captions or ending == LINES[0]]
        except BadText as error:
            left_out.append(LeftOut(sample.id, str(error), "caption"))
    return tuple(captions), left_out


def record_beside(sample: Sample) -> dict[str, Any]:
    """The object in the JSON of a sample; {} without JSON.

    Raises BadText for JSON that is no object, and for a key that comes twice.
    """
    if RECORD not in sample.beside:
        return {}
    text = content(sample.beside[RECORD], RECORD)
    try:
        record = from_json(text, once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadText(f"its .json is not JSON: {error}") from None
    except ValueError as error:
        raise BadText(f"in its .json {error}") from None
    if not isinstance(record, dict):
        raise BadText(f"its .json must be an object, got a {type(record).__name__}")
    return record


def captions_under(record: Mapping[str, Any], key: str | None) -> tuple[str, ...]:
    """The captions of a record under a key. Raises BadText for a value that is no caption, and for blank ones."""
    if key is None:
        return ()
    try:
        captions = texts(record[key], "its .json")
    except ValueError as error:
        raise BadText(str(error)) from None
    if not any(text.strip() for text in captions):
        raise BadText(f"the {key} of its .json is blank")
    return captions


def settled(
    id: str, lines: tuple[str, ...], recorded: tuple[str, ...], record_first: bool
) -> Iterator[tuple[str, ...] | LeftOut]:
    """The captions of a picture that has a text file, a record, or both, and what is left out where these differ.

    The same words in both are those of the record, since a caption may have a line break.
    """
    if lines and recorded and words(lines) != words(recorded):
        lost = ".txt" if record_first else ".json"
        yield LeftOut(id, f"its .txt and its .json differ, and those of the {lost} are not taken", "caption")
        yield recorded if record_first else lines
    else:
        yield recorded or lines


def words(captions: Iterable[str]) -> list[str]:
    return " ".join(captions).split()


def captioned(sample: Sample, references: str, place: str) -> Iterator[Example | LeftOut]:
    """The example of a picture in a folder. The lines of text files are its captions, else those of its record.

    What cannot be used is left out, and the picture stays. `references` names the key of the record, which then comes
    first.
    """
    lines, left_out = lines_beside(sample)
    recorded: tuple[str, ...] = ()
    if RECORD in sample.beside:
        try:
            record = record_beside(sample)
            key = references_column(record, references, f"{place}: {sample.id}") if references else usual_key(record)
            if not (key or lines):
                raise BadText(f"its .json has none of {', '.join(CAPTIONS)}")
            recorded = captions_under(record, key)
            left_out += further(sample.id, record, key)
        except BadText as error:
            left_out.append(LeftOut(sample.id, str(error), "caption"))
    yield from example_of(sample.id, sample.picture, settled(sample.id, lines, recorded, bool(references)))
    yield from left_out


def further(id: str, record: Mapping[str, Any], key: str | None) -> list[LeftOut]:
    """The captions of a record under names such as `caption_de`, which are not read."""
    names = [name for name, value in record.items() if name != key and is_further(name, value)]
    return [LeftOut(id, f"the {name} of its .json is not read; type references={name}", "caption") for name in names]


def usual_key(record: Mapping[str, Any]) -> str | None:
    return next((key for key in CAPTIONS if key in record), None)


def example_of(id: str, picture: File, settlement: Iterable[tuple[str, ...] | LeftOut]) -> Iterator[Example | LeftOut]:
    for item in settlement:
        yield item if isinstance(item, LeftOut) else Example(id, picture, item)


def samples_of(pictures: Iterable[str], files: Mapping[str, File]) -> tuple[list[Sample], set[str]]:
    """The pictures of a folder with the files beside them, and the names of these files.

    Files beside `a/1.jpg` are `a/1.txt` and `a/1.jpg.txt`, the second before the first.
    """
    names = list(pictures)
    endings = {*LINES, RECORD}
    texts_by_stem: dict[str, dict[str, str]] = {}
    for name in files:
        stem, _, ending = name.rpartition(".")
        if ending.lower() in endings:
            texts_by_stem.setdefault(stem, {})[ending.lower()] = name
    samples, used = [], set[str]()
    for name in names:
        stem = name.removesuffix(PurePosixPath(name).suffix)
        chosen = texts_by_stem.get(stem, {}) | texts_by_stem.get(name, {})
        used.update(chosen.values())
        samples.append(Sample(name, files[name], {ending: files[text] for ending, text in chosen.items()}))
    return samples, used
