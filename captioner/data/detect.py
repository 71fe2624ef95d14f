"""The format of an input: typed as `name:option=value,...`, or recognised from a path and its content."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from glob import glob, has_magic
from itertools import islice
from pathlib import Path
from typing import Any

from captioner.data.adapters.flickr8k import LISTS, TOKENS, has_token_lines
from captioner.data.adapters.folders import is_picture
from captioner.data.adapters.hf_datasets import SAVED
from captioner.data.adapters.json_files import holds_captions
from captioner.data.adapters.tables import has_header, records
from captioner.data.adapters.text_folders import ENDINGS
from captioner.data.adapters.webdataset import SHARD
from captioner.data.archives import is_archive, listed
from captioner.data.columns import IMAGE
from captioner.data.layouts import holds_bytes, layout_of
from captioner.data.rows.csv_cells import header_of
from captioner.data.splits import SPLIT, is_split, pattern_of
from captioner.data.text_files import ending_of, opened, read_json
from metric.spec import find, quoted, split_spec
from metric.storage.paths import expanded

LINES = (".jsonl", ".ndjson")  # endings of files with a JSON object a line
BRIEF = 4096  # characters of a JSON file that show whether it may be annotations
PICTURES = ("folder",)  # formats of pictures without a table
METADATA = ("metadata.jsonl", "metadata.csv")  # of Hugging Face's image folders


@dataclass(frozen=True)
class Source:
    """A format's name and its options, as typed or as recognised."""

    format: str
    options: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """tables in a folder of pictures, as they may be typed, or why they cannot be read; the pictures are taken"""

    def __str__(self) -> str:
        options = ",".join(f"{name}={quoted(value)}" for name, value in self.options.items())
        return f"{self.format}:{options}" if options else self.format

    def typed(self, more: str = "") -> str:
        """The source as it is typed in a shell, with `more` options, such as `,images=DIR`."""
        return shlex.quote(f"{self}{more}")


def recognise(text: str, formats: Iterable[str]) -> Source:
    """The source of a typed input. Raises ValueError for an input that fits several formats or none."""
    names = list(formats)
    text = expanded(text)
    if text in names:
        return Source(text)
    if text and Path(text).exists():
        return of_path(Path(text))
    if text.startswith(("pipe:", "file:")) or re.match(r"\w+://|[^:]*\{.*\.tar\b", text):
        return Source("webdataset", {"shards": text})
    if SPLIT in text and not re.match(r"\w+:\w+=", text):
        return of_pattern(text)
    if has_magic(text) and not re.match(r"\w+:\w+=", text):
        return of_wildcards(str(Path(text).expanduser()))
    if ":" not in text and re.search(r"[/\\.]", text):
        raise ValueError(f"{text} does not exist; give a path, or name:option=value with a name of {', '.join(names)}")
    name, options = split_spec(text)
    return Source(find(name, names, "data set" if ":" in text else "file, folder or data set"), options)


def of_pattern(text: str) -> Source:
    """The source of a pattern such as `captions_{split}2014.json`, in the format of the first file that matches."""
    head, tail = Path(text).name.split(SPLIT, 1)
    one = next((path for path in sorted(Path(text).parent.glob("*")) if fits(path.name, head, tail)), None)
    if one is None:
        raise ValueError(f"no file matches {text}, where {SPLIT} stands for a split")
    return with_path(of_path(one), str(one), text)


def fits(name: str, head: str, tail: str) -> bool:
    return name.startswith(head) and name.endswith(tail) and is_split(name[len(head) : len(name) - len(tail)])


def with_path(source: Source, old: str, new: str) -> Source:
    return Source(source.format, {name: new if value == old else value for name, value in source.options.items()})


def of_wildcards(pattern: str) -> Source:
    """The source of a pattern such as `photos/*.jpg`: one file, shards, tables of `datasets`, or else pictures."""
    matches = sorted(glob(pattern, recursive=True))
    if not matches:
        raise ValueError(f"no file matches {pattern}")
    if len(matches) == 1:
        return of_path(Path(matches[0]))
    if all(map(SHARD.search, matches)):
        return Source("webdataset", {"shards": "::".join(matches)})
    if all(name.endswith(".parquet") for name in matches):
        return Source("hf", {"path": pattern})
    tables = [source for source in map(of_file, map(Path, matches)) if source and source.format not in PICTURES]
    if tables:
        sources = joined(tables)
        if len(sources) == 1 and len(tables) == len(matches):
            return sources[0]
        raise ValueError(f"{pattern} matches several data sets; type one of {choice(sources)}")
    return Source("folder", {"root": pattern})


def choice(sources: Iterable[Source]) -> str:
    return " or ".join(source.typed() for source in sources)


def of_path(path: Path) -> Source:
    source = of_folder(path) if path.is_dir() else of_file(path)
    if source is None:
        raise ValueError(
            f"{path} has an unknown format; expected pictures, an archive, shards, JSONL, CSV, TSV, parquet, or "
            'JSON with records such as {"image": "a.jpg", "caption": "..."}'
        )
    return source


def of_file(path: Path) -> Source | None:
    """The source of a file; None for a file that holds no data set."""
    ending = ending_of(path)
    if has_token_lines(path):
        return of_tokens(path)
    if ending == ".json":
        shape = shape_of(read_json(path))
        return Source(shape, {"file": str(path)}) if shape else None
    if ending in LINES:
        return Source("jsonl", {"file": str(path)})
    if ending == ".tsv":
        return Source("tsv", {"file": str(path)})
    if ending == ".csv" or (ending == ".txt" and has_header(header_of(path))):
        return Source("csv", {"file": str(path)})
    if ending == ".parquet":
        return Source("hf", {"path": str(path)}) if holds_bytes(path) else Source("parquet", {"file": str(path)})
    if is_picture(path.name) or (is_archive(path) and not (ending == ".tar" and is_shard(path))):
        return Source("folder", {"root": str(path)})
    return Source("webdataset", {"shards": str(path)}) if SHARD.search(path.name) else None


def of_tokens(path: Path) -> Source:
    """The source of a Flickr token file: Flickr8k with its lists of splits, else a file that has no splits."""
    lists = any((path.parent / name).is_file() for name in LISTS.values())
    return Source("flickr8k", {"root": str(path.parent)}) if lists else Source("tokens", {"file": str(path)})


def is_shard(path: Path) -> bool:
    """Whether a tar holds captions beside its pictures."""
    return any(name.lower().endswith((".txt", ".caption", ".json")) for name in listed(path)[0])


def shape_of(document: Any) -> str:
    """The format of a JSON file of annotations; "" for another JSON file."""
    if isinstance(document, dict):
        image, annotation, row = (first(document.get(key)) for key in ("images", "annotations", "data"))
        if "sentences" in image:
            return "karpathy"
        if "file_name" in image and ("caption" in annotation or not annotation):
            return "vizwiz" if "is_rejected" in annotation else "nocaps" if "domain" in image else "coco"
        if {"image_id", "image_classes"} <= row.keys() or "caption_str" in row:
            return "textcaps"
    return "json" if holds_captions(document) else ""


def first(rows: object) -> dict[str, object]:
    return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}


def of_folder(path: Path) -> Source | None:
    """The source of a folder: the layout of a data set, else its pictures, its table, its shards, pictures below it.

    Raises ValueError for a folder with several tables.
    """
    if (path / TOKENS).is_file():
        return of_tokens(path / TOKENS)
    if layout := layout_of(path):
        return Source(layout[0], {layout[1]: str(path)})
    names = sorted(file.name for file in path.iterdir())
    pictures = any(map(is_picture, names))
    if not {*names}.isdisjoint(SAVED) or is_of_parquet(path, beside=pictures):
        return Source("hf", {"path": str(path)})
    tables, faults = tables_in(path)
    if pictures and not any(Path(path_of(table)).name in METADATA for table in tables):
        return Source("folder", {"root": str(path)}, (*(table.typed() for table in tables), *faults))
    if len(tables) > 1:
        raise ValueError(f"{path} could be several data sets; type one of {choice(tables)}")
    if faults:
        raise ValueError(faults[0])
    if tables:
        return tables[0]
    if any(map(SHARD.search, names)):
        return Source("webdataset", {"shards": str(path)})
    texts = any(name.lower().endswith(ENDINGS) for name in names)
    if texts and not any(is_picture(file.name) for file in path.rglob("*")):
        return Source("texts", {"root": str(path)})
    return Source("folder", {"root": str(path)})


def is_of_parquet(folder: Path, beside: bool) -> bool:
    """Whether a folder or its `data` holds a data set as parquet.

    `beside` pictures only parquet with pictures is one. A damaged file is told with the tables of the folder.
    """
    tables = [*folder.glob("*.parquet"), *(folder / "data").glob("*.parquet")]
    try:
        return any(map(holds_bytes, tables)) if beside else bool(tables)
    except ValueError:
        return False


def tables_in(folder: Path) -> tuple[list[Source], list[str]]:
    """The sources of the files in a folder and in its `annotations` that name pictures, and why others cannot be read.

    Files that differ only in the split's name are one source.
    """
    sources, faults = [], []
    for path in [*sorted(folder.glob("*")), *sorted((folder / "annotations").glob("*"))]:
        try:
            source = of_file(path) if may_name_pictures(path) else None
        except ValueError as error:
            faults.append(str(error))
        else:
            sources += [source] if source else []
    return joined(sources), faults


def may_name_pictures(path: Path) -> bool:
    """Whether a file may name pictures, by its beginning: COCO's other annotations have half a gigabyte."""
    ending = ending_of(path)
    if not path.is_file() or path.name.startswith(("instances_", "person_keypoints_", "image_info_")):
        return False
    if ending == ".json":
        with opened(path, None) as file:
            beginning = file.read(BRIEF)
        return any(f'"{name}"' in beginning for name in ("images", "data", "annotations", *IMAGE))
    if ending in LINES:
        return any(not set(IMAGE).isdisjoint(row) for _, row in islice(records(path), 1))
    if ending in (".csv", ".tsv", ".txt"):
        return has_header(header_of(path), IMAGE) or ending == ".tsv" or has_token_lines(path)
    return ending == ".token" or (ending == ".parquet" and not holds_bytes(path))


def joined(sources: list[Source]) -> list[Source]:
    """The sources, where files that differ only in the split's name are one source with `{split}` in its name."""
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault(f"{source.format}:{pattern_of(path_of(source))}", []).append(source)
    return [
        group[0] if len(group) == 1 else with_path(group[0], path_of(group[0]), pattern_of(path_of(group[0])))
        for group in groups.values()
    ]


def path_of(source: Source) -> str:
    (path,) = source.options.values()
    return path
