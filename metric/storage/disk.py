"""The room on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def free_disk(out: Path) -> int:
    """The free bytes where the file or folder `out` will lie."""
    return shutil.disk_usage(next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())).free


def space(size: float) -> str:
    """Bytes as `1.5 GB` or `20.0 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def refuse_full(what: str, size: float, out: Path) -> None:
    """ValueError when `what` needs more bytes than are free where `out` will lie."""
    room = free_disk(out)
    if size > room:
        raise ValueError(
            f"{what} {space(size)} of disk, and {space(room)} are free at {out}; make room, or type another --out"
        )
