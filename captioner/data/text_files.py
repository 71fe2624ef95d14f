"""Text files: UTF-8 with or without a byte order mark, read as text, as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_text(path: Path) -> str:
    return "".join(lines(path, newline=""))


def lines(path: Path, newline: str | None = "\n") -> Iterator[str]:
    """The lines of a file. Only a line feed ends a line, since captions may hold other separators of Unicode.

    Raises ValueError for a missing file, and for a file that is not UTF-8.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    with path.open(encoding="utf-8-sig", newline=newline) as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text: {error.reason} {error.object[error.start]:#x}") from None


def read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg} at line {error.lineno}") from None
