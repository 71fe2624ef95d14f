"""The cells of CSV and TSV files, and the faults of quotation marks that would hide rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from captioner.data.adapters.folders import is_picture
from captioner.data.text_files import lines
from metric.storage.text_lines import text_lines

SEPARATORS = ",\t|;"
LONGEST = 2**24  # characters of a cell; Python's csv stops at 2**17 by default


class Plain(csv.excel):
    """Tables in which a quotation mark has no meaning."""

    quoting = csv.QUOTE_NONE


def header_of(path: Path) -> list[str]:
    """The names of the columns. Raises ValueError for a name that two columns have."""
    first = next(lines(path), "")
    header = [name.strip() for name in next(cells(path, separator_of(first)), [])]
    double = next((name for name in header if name and header.count(name) > 1), "")
    if double:
        raise ValueError(f"{path} has the column {double!r} twice; name the columns {double}_1, {double}_2 and so on")
    return header


def separator_of(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def cells(path: Path, separator: str) -> Iterator[list[str]]:
    """The rows of a table. Quotation marks quote in CSV files only; in others they belong to the caption.

    Raises ValueError for a quotation mark that is not closed, since it would swallow the rows after it.
    """
    csv.field_size_limit(LONGEST)
    dialect = csv.excel if separator in ",;" else Plain
    taken: list[str] = []  # lines of the row that is read
    reader = csv.reader(noted(lines(path, newline=""), taken), dialect, delimiter=separator)
    try:
        for row in reader:
            if len(taken) > 1 and swallows(row, taken, separator):
                raise ValueError(unclosed(path, reader.line_num - len(taken) + 1, len(taken) - 1))
            last = taken.copy()
            taken.clear()
            yield row
        if reader.line_num and separator in ",;" and is_open(last, separator):
            raise ValueError(unclosed(path, reader.line_num - len(last) + 1, len(last) - 1))
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as a table separated by {separator!r}: {error}") from None


def noted(source: Iterator[str], taken: list[str]) -> Iterator[str]:
    for line in source:
        taken.append(line)
        yield line


def unclosed(path: Path, line: int, swallowed: int) -> str:
    return (
        f"{path}:{line}: a quotation mark is opened and not closed, and swallows {swallowed} lines; "
        'close it, or write "" for a quotation mark within a cell'
    )


def swallows(row: list[str], taken: list[str], separator: str) -> bool:
    """Whether a cell of several lines holds rows: text after its closing mark, or a line that is a row itself."""
    try:
        list(csv.reader(taken, csv.excel, delimiter=separator, strict=True))
    except csv.Error:
        return True
    inner = (line.split(separator) for cell in row if "\n" in cell or "\r" in cell for line in text_lines(cell))
    return any(len(parts) >= len(row) and any(is_picture(part.strip()) for part in parts) for parts in inner)


def is_open(taken: list[str], separator: str) -> bool:
    """Whether the lines of a row end within quotation marks."""
    try:
        list(csv.reader(taken, csv.excel, delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False
