"""One training at a time in a folder. Two would write over each other's checkpoints and logs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metric.runtime.processes import shared


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps other trainings out of the folder, which is made, while the context is open. Nothing is written into it.

    The first process of a training holds the folder for all of them. The system gives it back when that process ends,
    however it ends. Raises ValueError where another training holds it.
    """
    held: list[int] = []
    shared(lambda: held.append(hold(folder)))
    try:
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def hold(folder: Path) -> int:
    """The descriptor that holds the folder. Raises ValueError where another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(f"another process trains in {folder} now; wait for its end, or type another --out") from None
    return descriptor
