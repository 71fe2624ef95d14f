"""Readers of the published files of benchmarks: text, JSON, JSON lines, CSV; and the lookup of their pictures."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metric.storage.text_lines import text_lines

csv.field_size_limit(10_000_000)  # a row holds all references of a picture


class MissingFile(ValueError):
    """A file of a benchmark that is not there."""


def locate(root: Path, *names: str) -> Path:
    """The first of these files or folders that exists. Raises MissingFile, a ValueError, when none exists."""
    if not root.is_dir():
        raise ValueError(f"--root {root} is not a folder")
    for name in names:
        if (root / name).exists():
            return root / name
    raise MissingFile(
        f"{root} has no {' and no '.join(names)}; --root takes the files as the benchmark's authors publish them"
    )


def read_lines(path: Path) -> list[tuple[str, str]]:
    """`file:number` and text of each line that is not empty."""
    try:
        lines = text_lines(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start}") from None
    return [(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]


def read_json(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, kind):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a {kind.__name__}")
    return content


def read_jsonl(path: Path, *keys: str) -> list[dict[str, Any]]:
    """The objects of a file, one a line. Raises ValueError for a line without all of `keys`."""
    rows = []
    for place, line in read_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{place} is not JSON: {error.msg}") from None
        rows.append(with_keys(place, row, keys))
    return rows


def with_keys(place: str, row: Any, keys: Sequence[str]) -> dict[str, Any]:
    missing = [key for key in keys if key not in row] if isinstance(row, dict) else keys
    if missing:
        raise ValueError(f"{place} has no {', '.join(missing)}, got {str(row)[:80]}")
    return row


def read_csv(path: Path, delimiter: str, *columns: str) -> Iterator[tuple[str, dict[str, str]]]:
    """`file:number` and column -> cell of each row. Raises ValueError for a table without all of `columns`."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")  # AMT's tables are Latin-1 in places
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}, got {', '.join(reader.fieldnames or ())[:200]}")
    for number, row in enumerate(reader, 2):
        yield f"{path}:{number}", row


def rating(place: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{place}: a rating must be a number, got {value!r}")
    return number


@dataclass(frozen=True)
class Pictures:
    """Pictures by file name in the first of several folders that has them."""

    folders: tuple[Path, ...]

    @classmethod
    def below(cls, root: Path, *folders: str) -> Pictures:
        return cls(tuple(root / folder for folder in folders))

    def __call__(self, name: str) -> Path:
        """The path of a picture, or the path that it would have in the first folder."""
        places = [folder / name for folder in self.folders]
        return next((place for place in places if place.is_file()), places[0])


def coco_references(path: Path) -> dict[int, tuple[str, ...]]:
    """COCO's captions by image id, in the order of the file."""
    captions: dict[int, list[str]] = {}
    for row in read_json(path, dict).get("annotations", ()):
        row = with_keys(str(path), row, ("image_id", "caption"))
        captions.setdefault(int(row["image_id"]), []).append(plain(row["caption"]))
    if not captions:
        raise ValueError(f"{path} has no annotations; expected COCO's captions_val2014.json")
    return {image: tuple(texts) for image, texts in captions.items()}


def plain(caption: str) -> str:
    """A caption with single spaces, as the authors' loaders read it."""
    return " ".join(caption.split())
