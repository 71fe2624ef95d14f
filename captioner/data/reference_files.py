"""References from the files of other programs, by every name of a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from captioner.data.adapters.flickr8k import references as of_tokens
from captioner.data.adapters.folders import SUFFIXES, is_texts, read_text
from captioner.data.caption_files import is_id, parsed
from metric.example import Picture
from metric.storage.text_lines import text_lines

SHAPES = "{id: [caption, ...]}, COCO annotations, Karpathy's JSON, JSONL with references, or a Flickr token file"
TOKEN_LINE = re.compile(r"[^\t\n]+#\d+\t")  # name.jpg#0<tab>caption


@dataclass(frozen=True)
class Known:
    """A picture with its references and its names, such as a file name and COCO's number. The first is its id."""

    names: tuple[str, ...]
    references: tuple[str, ...] = ()
    image: Path | Picture = Path()


def by_name(entries: Iterable[Known]) -> dict[str, Known]:
    """Name, with and without the ending of a picture file -> picture. Names of two pictures are left out."""
    exact = {name: picture for picture in entries for name in picture.names}
    bare: dict[str, list[Known]] = {}
    for name, picture in exact.items():
        bare.setdefault(without_ending(name), []).append(picture)
    return {name: pictures[0] for name, pictures in bare.items() if len(pictures) == 1} | exact


def find(name: str, pictures: Mapping[str, Known]) -> Known | None:
    return pictures.get(name) or pictures.get(without_ending(name))


def without_ending(name: str) -> str:
    """`a/b.jpg` -> `a/b`. Only endings of picture files count: `no. 12` stays."""
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def with_images(entries: Iterable[Known], images: Mapping[str, Known]) -> list[Known]:
    """The entries with the image that has one of their names. An entry without an image has an empty path."""
    pairs = ((entry, next(filter(None, (find(name, images) for name in entry.names)), None)) for entry in entries)
    return [replace(entry, image=picture.image if picture else Path()) for entry, picture in pairs]


def read_references(path: Path, split: str) -> list[Known]:
    """The references in a file of one of SHAPES. `split` chooses in Karpathy's file, which holds all splits.

    Raises ValueError for another file, and for a split that the file does not have.
    """
    text = read_text(path)
    if TOKEN_LINE.match(text):
        return [Known((name,), texts) for name, texts in of_tokens(filter(None, text_lines(text))).items()]
    content = parsed(path, text, SHAPES)
    if isinstance(content, list):
        table = of_rows(path, content)
    elif isinstance(content.get("annotations"), list):
        return of_coco(path, content)
    elif isinstance(content.get("images"), list):
        return of_karpathy(path, content["images"], split)
    else:
        table = content
    if not table:
        raise ValueError(f"{path} has no references; expected {SHAPES}")
    return [Known((name,), references(path, name, texts)) for name, texts in table.items()]


def references(path: Path, name: str, texts: Any) -> tuple[str, ...]:
    if not is_texts(texts) or not texts:
        raise ValueError(f"{path}: {name!r} has {json.dumps(texts)[:80]}, expected a list of captions")
    return tuple(texts)


def of_rows(path: Path, rows: list[Any]) -> dict[str, Any]:
    """Id -> references, from rows {"id", "references"} as in capevalkit, or {"image", "references"} as in our JSONL."""
    table: dict[str, Any] = {}
    for row in rows:
        name = next((row[key] for key in ("id", "image_id", "image") if key in row), None) if is_row(row) else None
        if not is_id(name) or "references" not in row:
            raise ValueError(f"{path} has no references in {json.dumps(row)[:80]}; expected {SHAPES}")
        if str(name) in table:
            raise ValueError(f"{path} has {str(name)!r} twice; give a picture one line with all its references")
        table[str(name)] = row["references"]
    return table


def of_coco(path: Path, content: dict[str, Any]) -> list[Known]:
    """Pictures with references from annotations {"image_id", "caption"}. `images` gives file names to the numbers."""
    table: dict[str, list[str]] = {}
    for row in content["annotations"]:
        if not is_row(row) or not is_id(row.get("image_id")) or not isinstance(row.get("caption"), str):
            raise ValueError(f'{path}: expected an annotation {{"image_id", "caption"}}, got {json.dumps(row)[:80]}')
        table.setdefault(str(row["image_id"]), []).append(row["caption"])
    if not table:
        raise ValueError(f"{path} has no annotations")
    rows = [row for row in content.get("images") or [] if is_row(row) and isinstance(row.get("file_name"), str)]
    files = {str(row.get("id")): row["file_name"] for row in rows}
    return [Known((name, *([files[name]] if name in files else [])), tuple(texts)) for name, texts in table.items()]


def of_karpathy(path: Path, images: list[Any], split: str) -> list[Known]:
    """Pictures of a split from rows {"filename", "split", "sentences": [{"raw"}]}; COCO's also have "cocoid"."""
    pictures, splits = [], set()
    for row in images:
        sentences = row.get("sentences") if is_row(row) else None
        if not isinstance(sentences, list) or not all(is_row(sentence) and "raw" in sentence for sentence in sentences):
            raise ValueError(f"{path}: expected an image with sentences with raw, got {json.dumps(row)[:80]}")
        splits.add(str(row.get("split")))
        if row.get("split") == split:
            names = [str(row[key]) for key in ("filename", "cocoid") if is_id(row.get(key))]
            if not names:
                raise ValueError(f"{path}: expected an image with a filename, got {json.dumps(row)[:80]}")
            pictures.append(
                Known(tuple(names), references(path, names[0], [sentence["raw"] for sentence in sentences]))
            )
    if not pictures:
        raise ValueError(f"{path} has no split {split!r}; type --split with one of {', '.join(sorted(splits))}")
    return pictures


def is_row(row: Any) -> bool:
    return isinstance(row, dict)
