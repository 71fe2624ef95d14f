"""Captions as files: ours as JSONL, written whole; anyone's, read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from captioner.data.files import read_text

LINE = '{"id": ..., "caption": ...}'


def line(name: str, caption: str) -> str:
    return json.dumps({"id": name, "caption": caption}, ensure_ascii=False) + "\n"


def write_lines(path: Path, captions: Mapping[str, str]) -> None:
    """The whole file at once."""
    beside = path.with_name(path.name + ".partial")
    beside.write_text("".join(line(*item) for item in captions.items()), encoding="utf-8")
    os.replace(beside, path)


def read_captions(path: Path) -> dict[str, str]:
    """Our JSONL, {id: caption} JSON, or COCO results JSON, as captions by id."""
    if not path.is_file():
        raise ValueError(f"there is no captions file {path}")
    content = parsed(path, read_text(path))
    rows = list(content.items()) if isinstance(content, dict) else [pair(path, row) for row in content]
    captions = dict(rows)
    if not captions:
        raise ValueError(f"{path} holds no captions")
    if len(captions) < len(rows):
        raise ValueError(f"{path} has {len(rows) - len(captions)} captions more than ids; a picture has one caption")
    for name, caption in captions.items():
        if not isinstance(caption, str):
            raise ValueError(f"{path}: the caption of {name!r} is a {type(caption).__name__}, expected text")
    return captions


def parsed(path: Path, text: str) -> dict[str, Any] | list[Any]:
    """The file as one JSON object or list; else its lines, each a JSON object."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        return [parsed_line(path, number, row) for number, row in enumerate(text.split("\n"), 1) if row.strip()]
    one_line = isinstance(content, dict) and "caption" in content and ("id" in content or "image_id" in content)
    return content if isinstance(content, (dict, list)) and not one_line else [content]


def parsed_line(path: Path, number: int, row: str) -> Any:
    try:
        return json.loads(row)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{number} is not JSON: {error.msg}; a line is {LINE}") from None


def pair(path: Path, row: Any) -> tuple[str, Any]:
    """Id and caption; COCO says `image_id`."""
    known = row if isinstance(row, dict) else {}
    name = known.get("id" if "image_id" not in known else "image_id")
    if not isinstance(name, (str, int)) or "caption" not in known:
        raise ValueError(f"{path} holds {json.dumps(row)[:80]}, expected {LINE}, or image_id as COCO has it")
    return str(name), known["caption"]
