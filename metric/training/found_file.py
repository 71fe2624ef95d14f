"""The file of negatives that captioners have found: what they say under pressure, and no reference says.

A line of JSON for each, `{"id": ID, "caption": TEXT}`, where ID is the picture that the caption is of.
`captioner metric harden` writes such files.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from pathlib import Path

from metric.runtime.processes import rank
from metric.storage.atomic_files import write_bytes
from metric.storage.text_lines import text_lines
from metric.training.config import MetricConfig

log = logging.getLogger(__name__)

KEPT = "found.jsonl"  # the copy in the run folder
Found = dict[str, tuple[str, ...]]  # id of a picture -> captions


def read_found(path: Path, ids: Collection[str]) -> Found:
    """The captions of the file for the pictures `ids`. A warning counts the pictures that are not among them.

    Raises ValueError for a missing file, a line without an id or a caption, and a file that fits no picture.
    """
    if not path.is_file():
        raise ValueError(f"--negatives-from {path}: no such file; type a found.jsonl of captioner metric harden")
    texts: dict[str, list[str]] = {}
    for number, line in enumerate(text_lines(path.read_text(encoding="utf-8")), 1):
        id, caption = row_of(line, f"--negatives-from {path}, line {number}")
        texts.setdefault(id, []).append(caption)
    fitting = {id: tuple(captions) for id, captions in texts.items() if id in ids}
    if not fitting:
        raise ValueError(f"--negatives-from {path}: none of its {len(texts)} pictures is a training picture of --data")
    if len(fitting) < len(texts) and rank() == 0:
        log.warning("%s: %d of %d pictures are no training pictures", path, len(texts) - len(fitting), len(texts))
    return fitting


def keep(config: MetricConfig, out: Path, resume: bool) -> None:
    """Copies the file into the run folder. Raises ValueError when the file has changed since the run began."""
    if not config.negatives_from or rank():
        return
    path, kept = Path(config.negatives_from), out / KEPT
    if not resume:
        out.mkdir(parents=True, exist_ok=True)
        write_bytes(kept, path.read_bytes())
    elif path.read_bytes() != kept.read_bytes():
        raise ValueError(f"--negatives-from {path} has changed since this run began; type cp {kept} {path}")


def row_of(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        row = None
    if not (isinstance(row, dict) and "id" in row and isinstance(row.get("caption"), str)):
        raise ValueError(f'{where}: expected {{"id": ID, "caption": TEXT}}, got {line[:60]!r}')
    return str(row["id"]), row["caption"]
