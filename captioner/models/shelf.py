"""Where features are kept: in memory, or in a folder that grows row by row and survives being killed.

The folder holds features.npy (fp16 `n p f`, for anyone's numpy) and index.jsonl (CLIP, then keys). A row is
appended to the first, then to the second, and counts once it is in both.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from metric.clip import Clip

FEATURES, INDEX, LOCK = "features.npy", "index.jsonl", "lock"


class MemoryShelf:
    """Rows of features by key."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.parts: list[np.ndarray] = []

    def append(self, keys: Sequence[str], features: np.ndarray) -> None:
        """As many keys as rows, `n p f` fp16."""
        if keys:
            self.known |= {key: len(self.known) + i for i, key in enumerate(keys)}
            self.parts.append(features)

    def array(self) -> np.ndarray:
        """All rows, `n p f`."""
        return np.concatenate(self.parts) if self.parts else np.zeros((0, 0, 0), np.float16)


class DiskShelf:
    """The same in a folder; whoever opens one holds its lock, see `disk_shelf`."""

    def __init__(self, folder: Path, clip: Clip) -> None:
        self.features, self.index = folder / FEATURES, folder / INDEX
        if not self.index.is_file():
            write_whole(self.index, json.dumps({"clip": clip.name, "fingerprint": clip.fingerprint}) + "\n")
        self.known = self.recovered(clip)

    def recovered(self, clip: Clip) -> dict[str, int]:
        """The rows that are in both files; what a kill left over at the end of either is cut off."""
        header, *lines = self.index.read_text(encoding="utf-8").split("\n")[:-1]  # the last may be half a line
        owner = json.loads(header)
        if owner["fingerprint"] != clip.fingerprint:
            raise ValueError(
                f"{self.index.parent} holds features of the CLIP {owner['clip']} ({owner['fingerprint']}), "
                f"not of {clip.name} ({clip.fingerprint}): give another folder, or delete this one"
            )
        if not lines:
            self.features.unlink(missing_ok=True)
            return {}
        offset, (_, p, f) = read_header(self.features)
        n = min(len(lines), (self.features.stat().st_size - offset) // (2 * p * f))
        os.truncate(self.features, offset + 2 * n * p * f)
        write_header(self.features, (n, p, f))
        write_whole(self.index, "".join(f"{line}\n" for line in [header, *lines[:n]]))
        return {json.loads(line): row for row, line in enumerate(lines[:n])}

    def append(self, keys: Sequence[str], features: np.ndarray) -> None:
        """As many keys as rows, `n p f` fp16."""
        if not keys:
            return
        n = len(self.known) + len(keys)
        if not self.known:
            write_header(self.features, (0, *features.shape[1:]))
        with self.features.open("ab") as file:
            file.write(features.astype("<f2").tobytes())
        write_header(self.features, (n, *features.shape[1:]))
        with self.index.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(key) + "\n" for key in keys)
        self.known |= {key: len(self.known) + i for i, key in enumerate(keys)}

    def array(self) -> np.ndarray:
        """All rows, `n p f`, mapped."""
        return np.load(self.features, mmap_mode="r") if self.known else np.zeros((0, 0, 0), np.float16)


@contextmanager
def disk_shelf(folder: Path, clip: Clip) -> Iterator[DiskShelf]:
    """One writer at a time; others wait, then find its work. Rows never move, so readers need no lock."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; features are kept in a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process to fill {folder}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield DiskShelf(folder, clip)


def read_header(path: Path) -> tuple[int, tuple[int, ...]]:
    """Where the numbers begin, in bytes, and the shape."""
    with path.open("rb") as file:
        npy.read_magic(file)
        shape, _, _ = npy.read_array_header_1_0(file)
        return file.tell(), shape


def write_header(path: Path, shape: tuple[int, ...]) -> None:
    """In place: numpy leaves room in it for the first axis to grow."""
    path.touch()
    with path.open("r+b") as file:
        npy.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})


def write_whole(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
