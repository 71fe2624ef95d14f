"""The room on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def free_disk(out: Path) -> int:
    """The free bytes where the file or folder `out` will lie."""
    return shutil.disk_usage(next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())).free
