"""Which column of a file of captions names the pictures: a picture's path before an id, and what fits before both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from captioner.data.columns import IMAGE
from captioner.data.name_index import NamedPicture, NameIndex
from captioner.data.picture_lookup import ends_alike, plain
from captioner.data.rows.records import NAMES, Row, path_of
from metric.runtime.console import tell

Names: TypeAlias = Mapping[str, str]  # column -> the name that a record gives its picture there
Found: TypeAlias = Mapping[int, NamedPicture]  # number of a record -> the picture that its name finds
COLUMNS = (
    *IMAGE,
    *NAMES,
)  # columns that may name a picture, the likeliest first, as data sets and references take them
LINE = '{"id": ..., "caption": ...}'


def names_in(row: Row, place: str) -> dict[str, str]:
    """The names that a record gives its picture, by column, the likeliest first. Raises ValueError without a name."""
    spelt = {title.strip().lower(): title for title in reversed(list(row))}
    names: dict[str, str] = {}
    faults = []
    for column in (column for column in COLUMNS if column in spelt):
        try:
            named = paths_in(row[spelt[column]], place)
        except ValueError as error:
            faults.append(error)
        else:
            names |= {column: named[0]} if len(named) == 1 and named[0] else {}
    if names:
        return names
    faults.append(ValueError(f"{place}: no id in {json.dumps(row, default=str)[:80]}, expected {LINE}, or image_id"))
    raise faults[0]


def paths_in(value: Any, place: str) -> list[str]:
    return [path_of(item, place) for item in (value if isinstance(value, list) else [value])]


def named_by(names: Names, column: str) -> str:
    """The name of a picture by a column, or by the likeliest column of a record that lacks this one."""
    return names.get(column) or next(iter(names.values()))


def naming_column(rows: Sequence[Names], known: NameIndex | None, file: str) -> str:
    """The column by which the records of a file name their pictures; "" for records that have no column.

    It is the likeliest whose names fit the `known` pictures. What another column would have found is told.
    """
    columns = [column for column in COLUMNS if any(column in names for names in rows)]
    if len(columns) < 2:
        return "".join(columns)
    if known is None:
        return told_apart(rows, columns)
    found = {column: found_by(rows, column, known) for column in columns}
    chosen = fitting(rows, found)
    for other in columns:
        tell_other(rows, found, chosen, other, file)
    return chosen


def found_by(rows: Sequence[Names], column: str, known: NameIndex) -> Found:
    named = {number: names[column] for number, names in enumerate(rows) if column in names}
    return {number: picture for number, name in named.items() if (picture := known.find(name))}


def fitting(rows: Sequence[Names], found: Mapping[str, Found]) -> str:
    """The first column that finds half as many pictures as the best one or more, most of them as they are spelt.

    Row numbers find pictures too, as 1 finds 1.png. Without a column of exact names, the first that fits counts.
    """
    most = max(map(len, found.values()))
    fit = [column for column, pictures in found.items() if pictures and 2 * len(pictures) >= most] or [*found]
    exact = [column for column in fit if 2 * spelt_alike(rows, column, found[column]) > len(found[column])]
    return (exact or fit)[0]


def spelt_alike(rows: Sequence[Names], column: str, found: Found) -> int:
    return sum(rows[number][column] in picture.names for number, picture in found.items())


def tell_other(rows: Sequence[Names], found: Mapping[str, Found], chosen: str, other: str, file: str) -> None:
    """Tells of a column that would have found other pictures than the chosen one. Without such, nothing."""
    differ = [number for number, picture in found[other].items() if found[chosen].get(number) is not picture]
    if differ:
        first = rows[differ[0]]
        tell(
            [
                f"{file}: pictures are found by {chosen!r}; {other!r} would find another picture for {len(differ):,} "
                f"of {len(rows):,} captions, the first {first[other]} in place of {first.get(chosen, 'none')}"
            ]
        )


def told_apart(rows: Sequence[Names], columns: Sequence[str]) -> str:
    """The first column whose names tell the records apart as well as any does.

    An id that is the end of the picture's path, as in capevalkit's files, is taken in place of the path.
    """
    counts = {column: len({names[column] for names in rows if column in names}) for column in columns}
    first = next(column for column in columns if counts[column] == max(counts.values()))
    ends = (
        column for column in columns[columns.index(first) + 1 :] if all(same(names, first, column) for names in rows)
    )
    return next(ends, first)


def same(names: Names, one: str, other: str) -> bool:
    """Whether two columns of a record name one picture."""
    return one in names and other in names and ends_alike(plain(names[one]), plain(names[other]))
