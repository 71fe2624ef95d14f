"""The output formats: JSONL, COCO results, capevalkit, CSV, parquet, a .txt for each picture, webdataset shards.

A file appears whole or not at all. Each format can be read again, by `Format.read` or by `captioner.data`.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from captioner.captioning.earlier import read_csv, read_entries, read_lines
from captioner.captioning.journal import Row, Rows
from captioner.captioning.parquet import read_parquet, write_parquet
from captioner.captioning.webdataset_writer import write_shards
from captioner.data.adapters.text_folders import texts_below
from captioner.data.reference_files import without_ending
from metric.example import Example
from metric.storage.atomic_files import refuse_unwritable, whole_text

REFERENCES = ".references.jsonl"  # ending of what capevalkit takes as --references
LONGEST = 255  # bytes of a name in most file systems
Examples: TypeAlias = Callable[[], Iterable[Example]]


def as_json(row: Row) -> dict[str, Any]:
    """A line of JSONL: one caption with its scores, or all captions with lists of scores."""
    if len(row.captions) == 1:
        return {"id": row.id, "caption": row.captions[0], **{name: values[0] for name, values in row.scores.items()}}
    return {"id": row.id, "caption": row.captions[0], "captions": row.captions, **row.scores}


def write_jsonl(out: Path, rows: Rows, _: Examples) -> None:
    with whole_text(out) as file:
        for row in rows:
            file.writelines(line + "\n" for line in row.raw or [json.dumps(as_json(row), ensure_ascii=False)])


def write_coco(out: Path, rows: Rows, _: Examples) -> None:
    """Writes a list of {"image_id", "caption"}. An id of digits becomes a number, as evaluation servers require."""
    between = "["
    with whole_text(out) as file:
        for row in rows:
            for entry in row.raw or each_caption(row, "image_id"):
                file.write(between + json.dumps(entry, ensure_ascii=False))
                between = ",\n"
        file.write("]\n" if between != "[" else "[]\n")


def each_caption(row: Row, name: str) -> Iterator[dict[str, Any]]:
    number = row.id.isascii() and row.id.isdigit() and str(int(row.id)) == row.id
    written = int(row.id) if number and name == "image_id" else row.id
    for i, text in enumerate(row.captions):
        yield {name: written, "caption": text, **{score: values[i] for score, values in row.scores.items()}}


def write_capevalkit(out: Path, rows: Rows, examples: Examples) -> None:
    """Writes capevalkit's predictions, {"id", "caption", "image"} a line, and OUT.references.jsonl if there are any."""
    known = {example.id: example for example in examples()}
    references = [{"id": id, "references": example.references} for id, example in known.items() if example.references]
    with whole_text(out) as file:
        for row in rows:
            entry = as_json(row) | {"image": str(known[row.id].image) if row.id in known else row.id}
            file.writelines(line + "\n" for line in row.raw or [json.dumps(entry, ensure_ascii=False)])
    if references:
        with whole_text(out.with_name(out.stem + REFERENCES)) as file:
            file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in references)


def write_csv(out: Path, rows: Rows, _: Examples) -> None:
    """Writes a line for each caption: id, caption, scores. Rows of before keep their columns."""
    names = dict.fromkeys(
        name for row in rows for entry in row.raw or islice(each_caption(row, "id"), 1) for name in entry
    )
    with whole_text(out) as file:
        table = csv.DictWriter(file, list(names), restval="", lineterminator="\n")
        if names:
            table.writeheader()
        for row in rows:
            table.writerows(row.raw or each_caption(row, "id"))


def write_texts(out: Path, rows: Rows, _: Examples) -> None:
    """Writes a/b.txt for the picture a/b.jpg, with a line for each caption."""
    for row in rows:
        place = out / sidecar(row.id)
        if row.order < 0 and place.is_file():
            continue  # a file from before keeps its bytes
        with whole_text(place) as file:
            file.writelines(text + "\n" for text in row.captions)


def refuse_sidecars(out: Path, names: Iterable[str]) -> None:
    """Raises ValueError for pictures whose text files cannot be written, before anything is captioned."""
    written: dict[PurePosixPath, str] = {}
    for name in names:
        path = sidecar(name)
        if path in written:
            raise ValueError(f"{written[path]} and {name} would both write {path}; give --out FILE.jsonl")
        written[path] = name
    refuse_unwritable(out)


def sidecar(name: str) -> PurePosixPath:
    path = PurePosixPath(without_ending(name) + ".txt")
    if any(len(os.fsencode(part)) > LONGEST for part in path.parts):
        raise ValueError(f"the name {path} is longer than {LONGEST} bytes; give --out FILE.jsonl")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"the id {name!r} would write outside of --out; give --out FILE.jsonl")
    return path


def read_texts(out: Path) -> list[Row]:
    """Captions by name without .txt. `Format.done_as` makes the same name of an id. A blank file is not done."""
    told = texts_below(out)
    return [Row(name, 0, lines) for name, lines in told.items() if any(line.strip() for line in lines)]


def read_nothing(out: Path) -> list[Row]:
    raise ValueError(f"--skip-done cannot read the captions of shards, and {out} exists; give another --out")


@dataclass(frozen=True)
class Format:
    """The functions that write captions and read them again."""

    write: Callable[[Path, Rows, Examples], None]
    read: Callable[[Path], list[Row]]
    folder: bool = False
    """OUT is a folder"""
    done_as: Callable[[str], str] = str
    """id -> the name that `read` gives the picture"""


FORMATS = {
    "jsonl": Format(write_jsonl, read_lines),
    "coco": Format(write_coco, read_entries),
    "capevalkit": Format(write_capevalkit, read_lines),
    "csv": Format(write_csv, read_csv),
    "parquet": Format(write_parquet, read_parquet),
    "txt": Format(write_texts, read_texts, folder=True, done_as=without_ending),
    "webdataset": Format(write_shards, read_nothing, folder=True),
}
ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "coco", ".csv": "csv", ".parquet": "parquet"}


def format_of(out: Path, typed: str) -> str:
    """The name of the format: `typed`, or the one of the ending of `out`. Raises ValueError."""
    if typed and typed not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}, got {typed!r}")
    if not typed and out.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"--out {out} must end in one of {', '.join(ENDINGS)}, or --format must be one of "
            f"{', '.join(FORMATS)}; the last two make a folder"
        )
    name = typed or ENDINGS[out.suffix.lower()]
    if out.exists() and out.is_dir() != FORMATS[name].folder:
        kinds = ("a file", "a folder")
        raise ValueError(
            f"--out {out} is {kinds[out.is_dir()]}, but --format {name} makes {kinds[FORMATS[name].folder]}"
        )
    return name
