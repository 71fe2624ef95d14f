"""Files and folders that appear whole or not at all, whenever the process or the machine dies.

A folder is written beside its place (`.new-NAME`), reaches the disk, and is then renamed into it; what was there waits
as `.old-NAME` between the two renames, and `settle` puts it back after a kill there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "a file is too large"}


def beside(place: Path, what: str) -> Path:
    """Where a folder is while it is `new`, or `old`."""
    return place.with_name(f".{what}-{place.name}")


@contextmanager
def replaced(place: Path, retire: Callable[[Path], None] = shutil.rmtree) -> Iterator[Path]:
    """An empty folder to write into, which then takes the place; `retire` is done with what was there.

    When writing fails, what was there stays, and the half is removed: on a full disk that makes room.
    """
    settle(place)
    new, old = beside(place, "new"), beside(place, "old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        sync(*new.iterdir(), new)
    except (OSError, SafetensorError):
        shutil.rmtree(new, ignore_errors=True)
        raise
    if place.exists():
        os.replace(place, old)
    os.replace(new, place)
    sync(place.parent)
    if old.exists():
        retire(old)


def settle(place: Path) -> None:
    """Undo what a kill between the two renames, or after them, left."""
    old = beside(place, "old")
    if old.exists() and not place.exists():
        os.replace(old, place)
    shutil.rmtree(old, ignore_errors=True)


def sync(*paths: Path) -> None:
    """Until they are on the disk: a rename may get there before the bytes, should the machine fail."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write(path: Path, content: str) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(content, encoding="utf-8", newline="")
    os.replace(part, path)


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def keep_rows(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Of a file of JSON lines those that are wanted, up to its end or the line that a kill cut short."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if wanted(row):
            kept.append(line + "\n")
    write(path, "".join(kept))


def fault(folder: Path, *needed: str) -> str:
    """What is missing, cut short or damaged in a folder of safetensors and JSON, and how; "" when it can be read."""
    for name in needed:
        if not (folder / name).is_file():
            return f"{folder / name} is missing"
    for path in sorted(folder.iterdir()):
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, "pt"):
                    pass  # the header says how long the file has to be
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        except (SafetensorError, ValueError) as error:
            return f"{path} is cut short or damaged ({' '.join(str(error).split())})"
    return ""


def no_room(error: OSError | SafetensorError) -> str:
    """Why nothing more can be written; "" for an error of another kind. safetensors names the number in its text."""
    if isinstance(error, OSError):
        return FULL.get(error.errno or 0, "")
    return next((why for number, why in FULL.items() if f"os error {number}" in str(error)), "")
