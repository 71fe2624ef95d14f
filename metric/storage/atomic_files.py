"""Files and folders that appear whole or not at all, whenever the process or the machine dies.

A file is written as `.new-NAME.PID` beside its place and is then renamed, where a digest stands for a long name.
Several processes may write the same file.
A folder is written as `.new-NAME` by one process, reaches the disk and is then renamed. The folder that it replaces
is `.old-NAME` between the two renames, and `settle` puts it back after a kill there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from safetensors import SafetensorError, safe_open

# Python has a surrogate for each byte of a file's name that is no UTF-8. JSON gives it back from an escape.
SURROGATES = "backslashreplace"
LONG = 100  # bytes; file systems allow 255
FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "a file is too large"}


def beside(place: Path, what: str) -> Path:
    """The path of a folder while it is `new`, or `old`."""
    return place.with_name(f".{what}-{place.name}")


@contextmanager
def replaced(place: Path, retire: Callable[[Path], None] = shutil.rmtree) -> Iterator[Path]:
    """An empty folder to write into, which then becomes `place`. `retire` gets the folder that was there before.

    An error in the block removes the new folder, which makes room on a full disk. The folder before it stays.
    """
    settle(place)
    new, old = beside(place, "new"), beside(place, "old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        sync(*new.rglob("*"), new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if place.exists():
        os.replace(place, old)
    os.replace(new, place)
    sync(place.parent)
    if old.exists():
        retire(old)


def settle(place: Path) -> None:
    """Repair a place after a kill between the two renames of `replaced`, or after them."""
    old = beside(place, "old")
    if old.exists() and not place.exists():
        os.replace(old, place)
    shutil.rmtree(old, ignore_errors=True)


def sync(*paths: Path) -> None:
    """Wait until files and folders are on the disk: when a machine fails, a rename may survive without the bytes."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which becomes `path` after the block. An error in the block removes the file.

    A system's error that names no file, or the temporary one, names `path` afterwards.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".new-{brief(path.name)}.{os.getpid()}")
    try:
        yield new
        os.replace(new, path)
    except OSError as error:
        if error.errno and error.filename in (None, str(new), new):
            error.filename = str(path)
        raise
    finally:
        new.unlink(missing_ok=True)


def brief(name: str) -> str:
    """The name of a file, or a digest of a long one: the longest name has no room for an addition."""
    raw = os.fsencode(name)
    return name if len(raw) <= LONG else sha256(raw).hexdigest()[:16]


@contextmanager
def whole_text(path: Path) -> Iterator[IO[str]]:
    """A text file (UTF-8, line ends as written) to write to, which becomes `path` after the block."""
    with whole_file(path) as new, new.open("w", encoding="utf-8", errors=SURROGATES, newline="") as file:
        yield file


def refuse_unwritable(out: Path, remedy: str = "give another --out") -> None:
    """Raises ValueError for a folder that cannot be made or written, before the work whose result it is to hold."""
    there = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ValueError(f"{there} is a file, expected a folder; {remedy}")
    if not os.access(there, os.W_OK):
        raise ValueError(f"{there} cannot be written; {remedy}")


def refuse_foreign(out: Path) -> None:
    """Raises ValueError for a folder whose path is no UTF-8, which TensorBoard cannot write into."""
    path = str(out.absolute())
    if path.encode(errors="replace") != os.fsencode(path):
        raise ValueError(f"{path} is no UTF-8, which TensorBoard cannot write; give another --out")


def write(path: Path, content: str) -> None:
    """Text as a file in UTF-8, with line ends as they are in `content`."""
    write_bytes(path, content.encode(errors=SURROGATES))


def write_bytes(path: Path, content: bytes) -> None:
    with whole_file(path) as new:
        new.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """A value as indented JSON with a line end after it."""
    write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def unfinished(folder: Path) -> Iterator[Path]:
    """The temporary files that killed processes left in a folder."""
    return folder.glob(".new-*")


def keep_rows(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Rewrite a file of JSON lines with the rows for which `wanted` is true. Stops at a line cut short by a kill."""
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
    """The fault of a folder of safetensors and JSON files: a `needed` file is missing, or a file is damaged.

    "" stands for a folder without a fault.
    """
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
    """The reason why nothing more can be written, "" for an error of another kind.

    The errors of safetensors hold the number of the system's error in their text.
    """
    if isinstance(error, OSError):
        return FULL.get(error.errno or 0, "")
    return next((why for number, why in FULL.items() if f"os error {number}" in str(error)), "")
