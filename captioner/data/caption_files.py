"""Files of captions: written as JSONL, read in the formats of other programs too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from captioner.data.adapters.folders import read_text
from metric.storage.atomic_files import write

LINE = '{"id": ..., "caption": ...}'
FIELDS = {"caption", "prediction", "references"}  # fields of a line that is a whole record
SHOWN = 5  # ids named in a message


def line(name: str, caption: str) -> str:
    return json.dumps({"id": name, "caption": caption}, ensure_ascii=False) + "\n"


def write_lines(path: Path, captions: Mapping[str, str]) -> None:
    """Captions by id as JSONL."""
    write(path, "".join(line(*item) for item in captions.items()))


def read_captions(path: Path) -> dict[str, str]:
    """Captions by id from our JSONL, capevalkit's, {id: caption} JSON, or COCO results JSON.

    Raises ValueError for another kind of file, and for an id with several captions.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file; expected a file of captions")
    content = parsed(path, read_text(path), LINE)
    rows = list(content.items()) if isinstance(content, dict) else [pair(path, row) for row in content]
    captions = dict(rows)
    if not captions:
        raise ValueError(f"{path} has no captions; expected lines {LINE}")
    if len(captions) < len(rows):
        double = [name for name, times in Counter(name for name, _ in rows).items() if times > 1]
        raise ValueError(f"{path}: {share_of_ids(double, len(captions))} have several captions; give one caption an id")
    for name, caption in captions.items():
        if not isinstance(caption, str):
            raise ValueError(f"{path}: the caption of {name!r} is {json.dumps(caption)[:80]}, expected text")
    return captions


def share_of_ids(names: Collection[str], total: int) -> str:
    """`3 of 9 ids ('a', 'b', 'c')`, with the first few names."""
    shown = ", ".join(map(repr, sorted(names)[:SHOWN]))
    return f"{len(names):,} of {total:,} ids ({shown}{', ...' if len(names) > SHOWN else ''})"


def parsed(path: Path, text: str, expected: str) -> dict[str, Any] | list[Any]:
    """The content of a file that is one JSON object or list, or else the JSON objects of its lines.

    Raises ValueError for another file. `expected` describes the file in the error message.
    """
    try:
        content = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError:
        return [
            parsed_line(path, number, row, expected) for number, row in enumerate(text.split("\n"), 1) if row.strip()
        ]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply; expected {expected}") from None
    one_line = isinstance(content, dict) and content.keys() & {"id", "image_id"} and content.keys() & FIELDS
    return content if isinstance(content, (dict, list)) and not one_line else [content]


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a key that comes twice, which JSON allows."""
    content = dict(pairs)
    if len(content) < len(pairs):
        double = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        raise ValueError(f"{share_of_ids(double, len(content))} come twice")
    return content


def parsed_line(path: Path, number: int, row: str, expected: str) -> Any:
    try:
        return json.loads(row)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{number} is not JSON: {error.msg}; expected {expected}") from None


def pair(path: Path, row: Any) -> tuple[str, Any]:
    """Id and caption of a row. COCO has the id under `image_id`. capevalkit may have the caption under `prediction`."""
    record = row if isinstance(row, dict) else {}
    name = record.get("id" if "image_id" not in record else "image_id")
    caption = next((field for field in ("caption", "prediction") if field in record), None)
    if not is_id(name) or caption is None:
        raise ValueError(f"{path} holds {json.dumps(row)[:80]}, expected {LINE}, or image_id in place of id")
    return str(name), record[caption]


def is_id(name: object) -> bool:
    return isinstance(name, (str, int)) and not isinstance(name, bool)
