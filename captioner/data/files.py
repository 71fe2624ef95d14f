"""Pictures from a folder, and pictures with references from a JSONL file."""

from __future__ import annotations

import json
from pathlib import Path

from metric.example import Example

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"}


def folder(split: str, root: str) -> list[Example]:
    """Every picture file below `root`, known by its path from there; no references, so any split is all of it."""
    base = Path(root)
    if not base.is_dir():
        raise ValueError(f"{root} is not a folder of pictures")
    files = sorted(path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{root} holds no picture ({' '.join(sorted(SUFFIXES))})")
    return [Example(path.relative_to(base).as_posix(), path) for path in files]


def jsonl(split: str, file: str, root: str = "") -> list[Example]:
    """One {"image": ..., "references": [...], "split": ..., "id": ...} a line; paths from `root` or the file's folder.

    `id` is the image's file name unless given; a line without `split` belongs to every split.
    """
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"{file} is not a file; type --data jsonl:file=FILE.jsonl")
    base = Path(root) if root else path.parent
    rows = [read_row(path, number, line) for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if line]
    rows = [row for row in rows if row.get("split", split) == split]
    if not rows:
        raise ValueError(f"{file} has no line of the split {split!r}")
    examples = [
        Example(str(row.get("id", row["image"])), base / row["image"], tuple(row.get("references", ()))) for row in rows
    ]
    lost = [example for example in examples if not Path(str(example.image)).is_file()]
    if lost:
        raise ValueError(f"{file} names {len(lost)} pictures that are not there, the first {lost[0].image}")
    return examples


def read_row(path: Path, number: int, line: str) -> dict:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{number} is not JSON: {error.msg}") from None
    if not isinstance(row, dict) or "image" not in row:
        raise ValueError(f'{path}:{number} has no "image"; a line is {{"image": "a.jpg", "references": ["..."]}}')
    return row
