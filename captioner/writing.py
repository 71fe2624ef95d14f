"""Captions as JSONL: written whole, or appended to as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def line(name: str, caption: str) -> str:
    return json.dumps({"id": name, "caption": caption}, ensure_ascii=False) + "\n"


def write_lines(path: Path, captions: Mapping[str, str]) -> None:
    """The whole file at once."""
    beside = path.with_name(path.name + ".partial")
    beside.write_text("".join(line(*item) for item in captions.items()), encoding="utf-8")
    os.replace(beside, path)


def written(path: Path) -> set[str]:
    """The ids that are in the file already; a last line that a kill cut short is taken off."""
    if not path.is_file():
        return set()
    whole, done = 0, set()
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                break
            try:
                done.add(json.loads(raw)["id"])
            except (json.JSONDecodeError, KeyError, TypeError):
                raise ValueError(f'{path}:{number} is no {{"id": ..., "caption": ...}}; give another --out') from None
            whole += len(raw)
    os.truncate(path, whole)
    return done
