"""References of pictures from files and data sets, by every name of a picture. No picture is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from captioner.data import DATA, Every, read, split_names
from captioner.data.adapters.coco import files_by_id, in_text
from captioner.data.adapters.json_files import listed, records_of
from captioner.data.adapters.karpathy import split_names as karpathy_split
from captioner.data.caption_files import parsed, starts_with
from captioner.data.columns import texts
from captioner.data.detect import recognise
from captioner.data.left_out import LeftOut, without_left_out
from captioner.data.name_index import NamedPicture, NameIndex, named
from captioner.data.name_index import with_images as with_images
from captioner.data.name_index import without_ending as without_ending
from captioner.data.rows.ids import id_text
from captioner.data.rows.records import NAMES, Columns, Entry, Row, entry, in_split, split_of
from captioner.data.splits import canonical
from captioner.data.text_files import read_text
from metric.example import is_there

SHAPES = "{id: [caption, ...]}, COCO annotations, Karpathy's JSON, JSON records, or what --data takes"


def by_name(entries: Iterable[NamedPicture]) -> NameIndex:
    """The pictures by every spelling of their names. A spelling that two pictures have finds neither."""
    return NameIndex(entries)


def find(name: str, pictures: NameIndex) -> NamedPicture | None:
    return pictures.find(name)


def read_references(source: str | Path, split: str) -> list[NamedPicture]:
    """The references in a file or data set. `split` chooses in a source that has several splits.

    Blank references, and pictures without references, are left out and reported. Raises ValueError for a source that
    has no references, and for a split that the source does not have.
    """
    path = Path(source).expanduser()
    found = of_json(path, split) if path.is_file() and is_json(path) else of_data(str(source), split)
    lost: list[LeftOut] = []
    pictures = [picture for item in found for picture in with_words(item, lost)]
    list(without_left_out(lost, str(source)))
    if not pictures:
        raise ValueError(f"{source} has no references; expected {SHAPES}")
    return pictures


def read_pictures(source: str, split: str) -> list[NamedPicture]:
    """The pictures of --images: all of a folder or archive, or those of a split of another source."""
    whole = recognise(source, DATA).format == "folder"
    names = [] if whole else split_names(source)
    found = read(source, "" if whole else names[0] if len(names) == 1 else split)
    return [replace(named(example), references=()) for example in without_left_out(found, source)]


def is_json(path: Path) -> bool:
    """Whether a file holds JSON, by its beginning, or is empty."""
    return starts_with(path, "{[") or not path.stat().st_size


def with_words(item: NamedPicture | LeftOut, lost: list[LeftOut]) -> list[NamedPicture]:
    """A picture without blank references, if it has others. What is left out goes to `lost`."""
    if isinstance(item, LeftOut):
        lost.append(item)
        return []
    kept = tuple(text for text in item.references if text.strip())
    lost += [LeftOut(item.names[0], "it is blank", "reference")] * (len(item.references) - len(kept))
    if not kept:
        lost.append(LeftOut(item.names[0], "it has no references"))
    return [NamedPicture(item.names, kept, item.image)] if kept else []


def of_data(source: str, split: str) -> Iterator[NamedPicture | LeftOut]:
    """The pictures of a data set with their references. A data set of one split has this split alone."""
    names = split_names(source)
    for item in read(source, names[0] if len(names) == 1 else split, Every()):
        if isinstance(item, LeftOut):
            yield item
        else:
            yield named(item) if is_there(item) else replace(named(item), image=Path())


def of_json(path: Path, split: str) -> Iterator[NamedPicture | LeftOut]:
    content = parsed(path, read_text(path), SHAPES)
    if isinstance(content, dict) and is_coco(content):
        return of_coco(path, content)
    if isinstance(content, dict) and is_karpathy(content):
        return iter(of_karpathy(path, content["images"], split))
    return of_records(path, content, split)


def is_coco(content: dict[str, Any]) -> bool:
    return isinstance(content.get("annotations"), list)


def is_karpathy(content: dict[str, Any]) -> bool:
    images = content.get("images")
    return isinstance(images, list) and not (listed(content) and "caption" in images[0])


def of_records(path: Path, content: Any, split: str) -> Iterator[NamedPicture | LeftOut]:
    """Pictures with the references of all their records, which may also have `id`, `image_id` and `split`."""
    merged: dict[str, tuple[dict[str, None], list[str]]] = {}
    rows = list(records_of(content, path))
    if rows and not any(in_split(row, split) for _, row in rows):
        raise no_split(path, split, {split_of(row) for _, row in rows})
    for place, row in rows:
        if not in_split(row, split):
            continue
        item = entry(row, Columns(), place)
        if isinstance(item, LeftOut):
            yield item
        else:
            names, captions = merged.setdefault(item.name, ({}, []))
            names.update(dict.fromkeys(names_of(row, item, place)))
            captions.extend(item.captions)
    for names, captions in merged.values():
        yield NamedPicture(tuple(names), tuple(captions))


def names_of(row: Row, item: Entry, place: str) -> list[str]:
    """The names of a record's picture: its id, its file, and numbers such as COCO's."""
    numbers = [row[key] for key in NAMES[:3] if row.get(key) is not None]
    return [item.id, item.name, *(id_text(number, place) for number in numbers)]


def of_coco(path: Path, content: dict[str, Any]) -> Iterator[NamedPicture | LeftOut]:
    """Pictures with references from annotations {"image_id", "caption"}. `images` gives file names to the numbers."""
    table: dict[str, list[str]] = {}
    for row in content["annotations"]:
        if not isinstance(row, dict) or "image_id" not in row or "caption" not in row:
            raise ValueError(f'{path}: expected an annotation {{"image_id", "caption"}}, got {json.dumps(row)[:80]}')
        name = id_text(row["image_id"], f"{path}: image_id of {json.dumps(row)[:80]}")
        table.setdefault(name, []).extend(texts(row["caption"], f"{path}: {name}"))
    if not table:
        raise ValueError(f"{path} has no annotations")
    rows = [row for row in content.get("images") or [] if isinstance(row, dict)]
    told = (row for row in rows if None not in (row.get("id"), row.get("file_name")))
    files = files_by_id(path, (in_text(row, path) for row in told))
    for name, captions in table.items():
        yield NamedPicture((name, *([files[name]["file_name"]] if name in files else [])), tuple(captions))


def of_karpathy(path: Path, images: list[Any], split: str) -> list[NamedPicture]:
    """Pictures of a split from rows {"filename", "split", "sentences": [{"raw"}]}; COCO's also have "cocoid".

    `train` has `restval` too, as in the data set.
    """
    pictures, splits, chosen = [], set(), karpathy_split(split)
    for row in images:
        sentences = row.get("sentences") if isinstance(row, dict) else None
        if not isinstance(sentences, list) or not all(isinstance(each, dict) and "raw" in each for each in sentences):
            raise ValueError(f"{path}: expected an image with sentences with raw, got {json.dumps(row)[:80]}")
        splits.add(str(row.get("split")))
        if canonical(str(row.get("split"))) in chosen:
            names = [id_text(row[key], str(path)) for key in ("filename", "cocoid") if row.get(key) is not None]
            if not names:
                raise ValueError(f"{path}: expected an image with a filename, got {json.dumps(row)[:80]}")
            pictures.append(NamedPicture(tuple(names), texts(sentences, f"{path}: {names[0]}")))
    if not pictures:
        raise no_split(path, split, splits)
    return pictures


def no_split(path: Path, split: str, splits: Iterable[str]) -> ValueError:
    return ValueError(f"{path} has no split {split!r}; type --split with one of {', '.join(sorted(splits))}")
