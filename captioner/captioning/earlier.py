"""The records that an output has before the first call: read with all their keys, and written again as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from captioner.captioning.journal import Row
from captioner.data.adapters.json_files import is_record
from captioner.data.caption_files import LINE, captions_in, captions_of, lines_parsed, parsed, records
from captioner.data.caption_names import names_in
from captioner.data.rows.records import NAMES
from captioner.data.text_files import read_text

Record: TypeAlias = tuple[str, Any, Any]  # place, record, and the form in which it is written again; None for none


def read_lines(out: Path) -> list[Row]:
    """The rows of a file with a JSON object a line, which is written again as it is, or the captions of other JSON."""
    text = read_text(out)
    lines = [line for line in text.split("\n") if line.strip()]
    if not all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
        return rows_of((place, row, None) for place, row in records(out))
    objects = list(lines_parsed(out, text, LINE))
    if len(objects) == 1 and not is_record(objects[0]):  # captions by name
        return rows_of((place, row, None) for place, row in records(out))
    return rows_of((f"{out}: row {i}", row, line) for i, (row, line) in enumerate(zip(objects, lines), 1))


def read_entries(out: Path) -> list[Row]:
    """The rows of a JSON list of records, which are written again with all keys, or the captions of other JSON."""
    whole = isinstance(parsed(out, read_text(out), LINE), list)
    return rows_of((place, row, row if whole else None) for place, row in records(out))


def read_csv(out: Path) -> list[Row]:
    """The rows of a table, which are written again with all their columns."""
    rows: dict[str, Row] = {}
    for row in csv.DictReader(io.StringIO(read_text(out), newline="")):
        if "id" not in row or "caption" not in row:
            raise ValueError(f"{out} has no columns id and caption; give another --out")
        if not row["id"] or row["caption"] is None:  # the row is shorter than the header
            raise ValueError(f"{out} has a row without an id or a caption, {list(row.values())}; give another --out")
        if None in row:
            raise ValueError(f"{out} has a row that is longer than its header, {list(row.values())}; mend the row")
        kept = rows.setdefault(row["id"], Row(row["id"]))
        kept.captions.append(row["caption"])
        kept.raw.append(row)
    return list(rows.values())


def rows_of(records: Iterable[Record]) -> list[Row]:
    """A row for each picture, with the captions of its records and the records themselves."""
    rows: dict[str, Row] = {}
    for place, record, again in records:
        names = names_in(record, place)
        name = next(names[column] for column in (*NAMES, *names) if column in names)
        row = rows.setdefault(name, Row(name))
        row.captions.extend(captions(record, place))
        row.raw.extend([] if again is None else [again])
    return [row for row in rows.values() if row.captions]


def captions(record: Any, place: str) -> Iterator[str]:
    """The captions of a record: the list `captions` where it has several, else the one that counts."""
    several = record.get("captions")
    yield from (captions_of(several, place) if isinstance(several, list) else captions_in(record, place))[0]
