"""The format of an input: typed as `name:option=value,...`, or recognised from a path and its content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from captioner.data.adapters.flickr8k import TOKENS
from captioner.data.adapters.folders import is_picture
from captioner.data.adapters.hf_datasets import SAVED
from captioner.data.adapters.tables import has_header, header_of, records
from captioner.data.columns import IMAGE
from captioner.data.picture_lookup import is_archive, members
from captioner.data.splits import NAMED, SPLIT, split_in
from captioner.data.text_files import read_json
from metric.spec import find, split_spec
from metric.storage.paths import expanded

BRIEF = 4096  # characters of a JSON file that show whether it may be annotations
METADATA = ("metadata.jsonl", "metadata.csv")  # of Hugging Face's image folders


@dataclass(frozen=True)
class Source:
    """A format's name and its options, as typed or as recognised."""

    format: str
    options: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """tables in a folder of pictures, as they may be typed; the pictures are taken"""

    def __str__(self) -> str:
        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.format}:{options}" if options else self.format


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
    return name.startswith(head) and name.endswith(tail) and bool(split_in(name))


def with_path(source: Source, old: str, new: str) -> Source:
    return Source(source.format, {name: new if value == old else value for name, value in source.options.items()})


def of_path(path: Path) -> Source:
    source = of_folder(path) if path.is_dir() else of_file(path)
    if source is None:
        raise ValueError(
            f"{path} has an unknown format; type folder:root={path} for pictures, or csv:, jsonl:, webdataset:, "
            "hf: and their options"
        )
    return source


def of_file(path: Path) -> Source | None:
    """The source of a file; None for a file that holds no data set."""
    ending = path.suffix.lower()
    if path.name == TOKENS:
        return Source("flickr8k", {"root": str(path.parent)})
    if ending == ".json":
        shape = shape_of(path)
        return Source(shape, {"file": str(path)}) if shape else None
    if ending in (".jsonl", ".ndjson"):
        return Source("jsonl", {"file": str(path)})
    if ending == ".tsv":
        return Source("tsv", {"file": str(path)})
    if ending == ".csv" or (ending == ".txt" and has_header(header_of(path))):
        return Source("csv", {"file": str(path)})
    if is_archive(path) and not (ending == ".tar" and is_shard(path)):
        return Source("folder", {"root": str(path)})
    return Source("webdataset", {"shards": str(path)}) if path.name.endswith((".tar", ".tar.gz", ".tgz")) else None


def is_shard(path: Path) -> bool:
    """Whether a tar holds captions beside its pictures."""
    return any(name.endswith((".txt", ".json")) for name, _ in islice(members(path), 100))


def shape_of(path: Path) -> str:
    """The format of a JSON file of annotations; "" for another JSON file."""
    document = read_json(path)
    if not isinstance(document, dict):
        return ""
    image, annotation, row = (first(document.get(key)) for key in ("images", "annotations", "data"))
    if "sentences" in image:
        return "karpathy"
    if "caption" in annotation or ("file_name" in image and not annotation):
        return "vizwiz" if "is_rejected" in annotation else "nocaps" if "domain" in image else "coco"
    return "textcaps" if {"image_id", "image_classes"} <= row.keys() or "caption_str" in row else ""


def first(rows: object) -> dict[str, object]:
    return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}


def of_folder(path: Path) -> Source | None:
    """The source of a folder: the layout of a data set, else its pictures, its table, its shards, pictures below it.

    Raises ValueError for a folder with several tables.
    """
    if (path / TOKENS).is_file():
        return Source("flickr8k", {"root": str(path)})
    names = sorted(file.name for file in path.iterdir())
    if not {*names}.isdisjoint(SAVED) or any(name.endswith(".parquet") for name in (*names, *below(path, "data"))):
        return Source("hf", {"path": str(path)})
    tables = joined([*tables_in(path), *tables_in(path / "annotations")])
    pictures = any(map(is_picture, names))
    if pictures and not any(Path(path_of(table)).name in METADATA for table in tables):
        return Source("folder", {"root": str(path)}, tuple(map(str, tables)))
    if len(tables) > 1:
        raise ValueError(f"{path} could be several data sets; type one of {' or '.join(map(str, tables))}")
    if tables:
        return tables[0]
    if any(name.endswith(".tar") for name in names):
        return Source("webdataset", {"shards": str(path)})
    return Source("folder", {"root": str(path)})


def below(path: Path, name: str) -> list[str]:
    return [file.name for file in (path / name).glob("*")]


def tables_in(path: Path) -> list[Source]:
    """The sources of the files in a folder that name pictures."""
    sources = [of_file(file) for file in sorted(path.glob("*")) if may_name_pictures(file)]
    return [source for source in sources if source]


def may_name_pictures(path: Path) -> bool:
    """Whether a file may name pictures, by its beginning: COCO's other annotations have half a gigabyte."""
    ending = path.suffix.lower()
    if not path.is_file() or path.name.startswith(("instances_", "person_keypoints_", "image_info_")):
        return False
    if ending == ".json":
        with path.open(encoding="utf-8", errors="replace") as file:
            beginning = file.read(BRIEF)
        return '"images"' in beginning or '"data"' in beginning
    if ending in (".jsonl", ".ndjson"):
        return any(not set(IMAGE).isdisjoint(row) for _, row in islice(records(path), 1))
    if ending in (".csv", ".tsv", ".txt"):
        return has_header(header_of(path), IMAGE) or ending == ".tsv"
    return False


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


def pattern_of(path: str) -> str:
    """`a/captions_val2014.json` -> `a/captions_{split}2014.json`."""
    name = Path(path).name
    word = NAMED.search(name.lower())
    return str(Path(path).with_name(name[: word.start()] + SPLIT + name[word.end() :])) if word else path
