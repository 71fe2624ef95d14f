"""Pictures from a folder, and pictures with references from a JSONL file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from metric.example import Example

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"}


def folder(split: str, root: str) -> list[Example]:
    """Every picture file below `root`, known by its path from there; no references, so any split is all of it."""
    base = Path(root)
    if not base.is_dir():
        raise ValueError(f"{root} is not a folder of pictures")
    files = sorted(path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{root} holds no picture; known by their endings are {' '.join(sorted(SUFFIXES))}")
    return [Example(path.relative_to(base).as_posix(), path) for path in files]


def jsonl(split: str, file: str, root: str = "") -> list[Example]:
    """One {"image": ..., "references": [...], "split": ..., "id": ...} a line; paths from `root` or the file's folder.

    `id` is the image's path as written unless given; a line without `split` belongs to every split.
    """
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"{file} is not a file; type jsonl:file=FILE.jsonl")
    base = Path(root) if root else path.parent
    lines = enumerate(read_text(path).split("\n"), 1)
    rows = [read_row(f"{path}:{number}", line) for number, line in lines if line.strip()]
    examples = [
        Example(str(row.get("id", row["image"])), base / row["image"], tuple(row.get("references", ())))
        for row in rows
        if row.get("split", split) == split
    ]
    if not examples:
        raise ValueError(f"{file} has no line of the split {split!r}")
    check(file, examples)
    return examples


def read_row(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is not JSON: {error.msg}") from None
    if not isinstance(row, dict) or not isinstance(row.get("image"), str):
        raise ValueError(f'{where} has no "image"; a line is {{"image": "a.jpg", "references": ["..."]}}')
    if not is_texts(row.get("references", [])):
        raise ValueError(f'{where}: "references" is a list of captions, got {row["references"]!r}')
    return row


def check(file: str, examples: list[Example]) -> None:
    """An id belongs to one picture, and the picture is there."""
    ids: set[str] = set()
    for example in examples:
        if example.id in ids:
            raise ValueError(f"{file} has {example.id!r} twice in one split; one line holds all its references")
        ids.add(example.id)
    lost = [example.image for example in examples if not Path(str(example.image)).is_file()]
    if lost:
        raise ValueError(f"{file} names {len(lost)} pictures that are not there, the first {lost[0]}")


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def read_text(path: Path) -> str:
    """A text file of anyone's, with or without Windows' byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: byte {error.start} is {error.object[error.start]:#x}") from None
