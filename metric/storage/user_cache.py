"""The user's cache folder, for files that are slow to compute and the same for every run."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache(*parts: str) -> Path:
    """`$XDG_CACHE_HOME/captioner/...`, by default in `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return Path(root or Path.home() / ".cache").joinpath("captioner", *parts)
