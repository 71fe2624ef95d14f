"""Data sets by name or by path: one adapter a format, all giving the same Examples.

`load("scenes:count=4000", "train")` is a list. `stream("pipe:cat a-{0..9}.tar", "train")` gives one Example at a time.
`read` also gives a LeftOut for each picture or caption that an adapter leaves out. A format is a line of DATA: a
function that reads the format, and a function that lists its splits.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias, get_type_hints

from captioner.data.adapters.coco import coco, coco_splits, nocaps, nocaps_splits, vizwiz, vizwiz_splits
from captioner.data.adapters.flickr8k import flickr8k, flickr8k_splits, tokens, tokens_splits
from captioner.data.adapters.folders import folder, folder_splits
from captioner.data.adapters.hf_datasets import hf, hf_splits
from captioner.data.adapters.imagefolder import imagefolder, imagefolder_splits
from captioner.data.adapters.json_files import json, json_splits
from captioner.data.adapters.karpathy import karpathy, karpathy_splits
from captioner.data.adapters.parquet_files import parquet, parquet_splits
from captioner.data.adapters.scenes import scenes, scenes_splits
from captioner.data.adapters.tables import csv, csv_splits, jsonl, jsonl_splits, tsv, tsv_splits
from captioner.data.adapters.text_folders import texts
from captioner.data.adapters.textcaps import textcaps, textcaps_splits
from captioner.data.adapters.webdataset import shard, unread, urls, webdataset, webdataset_splits
from captioner.data.detect import Source, recognise
from captioner.data.left_out import LeftOut, Read, without_left_out
from captioner.data.splits import canonical
from captioner.data.text_files import whole
from captioner.data.twice import Ids, advice
from metric.example import Example
from metric.scores.ptb_tokenizer import tokenize
from metric.spec import find


@dataclass(frozen=True)
class Format:
    """The functions that read data of one format."""

    read: Callable[..., Read]
    """`(split, **options)` -> Examples and LeftOuts; the options of a spec are its arguments"""
    splits: Callable[..., list[str]] | None = None
    """`(**options)` -> names of the splits; None for a format that has none"""


TABLES = ("csv", "tsv", "jsonl", "json", "parquet")  # formats of rows
NO_ROW = ": it has no row; write one a picture"  # the end of a message about a table that is empty
DATA = {
    "scenes": Format(scenes, scenes_splits),
    "flickr8k": Format(flickr8k, flickr8k_splits),
    "karpathy": Format(karpathy, karpathy_splits),
    "coco": Format(coco, coco_splits),
    "nocaps": Format(nocaps, nocaps_splits),
    "textcaps": Format(textcaps, textcaps_splits),
    "vizwiz": Format(vizwiz, vizwiz_splits),
    "tsv": Format(tsv, tsv_splits),
    "tokens": Format(tokens, tokens_splits),
    "json": Format(json, json_splits),
    "jsonl": Format(jsonl, jsonl_splits),
    "csv": Format(csv, csv_splits),
    "parquet": Format(parquet, parquet_splits),
    "folder": Format(folder, folder_splits),
    "texts": Format(texts),
    "imagefolder": Format(imagefolder, imagefolder_splits),
    "webdataset": Format(webdataset, webdataset_splits),
    "hf": Format(hf, hf_splits),
}


class Every:
    """The ids of all examples, as `featured` of a reader that needs no pictures."""

    def __contains__(self, id: object) -> bool:
        return True


def load(spec: str, split: str, featured: Container[str] = ()) -> list[Example]:
    """The examples of a split. An example whose id is in `featured` needs no picture, since its features exist.

    Raises ValueError for a misspelt name, for missing files, and for an id that comes twice.
    """
    ids = Ids()
    examples = []
    for example in stream(spec, split, featured):
        if again := ids.again(example):
            raise ValueError(f"the split {split!r} of {spec} has {again}; {advice(recognise(spec, DATA))}")
        examples.append(example)
    return examples


def stream(spec: str, split: str, featured: Container[str] = ()) -> Iterator[Example]:
    """The examples of a split one at a time, for data that do not fit in memory.

    Warnings at the end count the pictures and captions that were left out, by reason.
    """
    return without_left_out(read(spec, split, featured), spec)


def read(spec: str, split: str, featured: Container[str] = ()) -> Iterator[Example | LeftOut]:
    """The Examples and LeftOuts of a split, in the adapter's order. Raises ValueError without an example."""
    source = recognise(spec, DATA)
    lost: LeftOut | None = None
    empty = True
    for item in DATA[source.format].read(split, **values(source)):
        if isinstance(item, LeftOut) and item.example and item.id in featured:
            item = item.example
        empty &= isinstance(item, LeftOut)
        lost = lost or (item if isinstance(item, LeftOut) else None)
        yield from without_blanks(item)
    if empty:
        reason = why(source, split, lost)
        raise ValueError(f"{spec} has no picture{f' of the split {split!r}' if reason != NO_ROW else ''}{reason}")


def refuse_empty(spec: str, split: str, featured: Container[str] = ()) -> None:
    """Raises ValueError for a split without a picture, before long work. Reads up to the first picture."""
    next((item for item in read(spec, split, featured) if isinstance(item, Example)), None)


Part: TypeAlias = Callable[[], Read]  # reads the part anew at each call


def parts(spec: str, split: str, featured: Container[str] = ()) -> list[Part]:
    """The parts of a split that several processes may read apart.

    Each shard is a part, and so are the shards of a folder that are not read, if there are any. A data set of another
    format is one part.
    """
    source = recognise(spec, DATA)
    if source.format != "webdataset":
        return [partial(read, spec, split, featured)]
    options = values(source)
    read_parts: list[Part] = [partial(read_shard, url, split, options) for url in urls(options["shards"], split)]
    left_out = unread(options["shards"], split)
    return read_parts + [lambda: left_out] * bool(left_out)


def read_shard(url: str, split: str, options: dict[str, Any]) -> Read:
    """The Examples and LeftOuts of one shard, with the options of its data set."""
    for item in shard(url, split, **{name: value for name, value in options.items() if name != "shards"}):
        yield from without_blanks(item)


def rereadable(spec: str) -> bool:
    """Whether a second reading of a data set costs little: not over a network, nor through a pipe."""
    source = recognise(spec, DATA)
    return source.format != "hf" and not re.search(r"pipe:|://", source.options.get("shards", ""))


def why(source: Source, split: str, lost: LeftOut | None) -> str:
    """The reason why a split has no picture, and the option that may help, as the end of a message."""
    names = splits_of_source(source)
    if names and canonical(split) not in map(canonical, names):
        return f"; it has the splits {', '.join(names)}"
    if lost is None:
        return NO_ROW if source.format in TABLES and not names else ""
    helps = "images" in inspect.signature(DATA[source.format].read).parameters and "images" not in source.options
    advice = f"; type {source.typed(',images=DIR')}" if helps else ""
    return f": {lost.id}, the first, was left out since {lost.reason}{advice}"


def without_blanks(item: Example | LeftOut) -> Iterator[Example | LeftOut]:
    """An example in whole characters, without its blank captions, which would teach a captioner to be silent.

    A file's name that is no UTF-8 and half an emoji hold surrogates, which no output can hold. They become U+FFFD.
    """
    if isinstance(item, LeftOut):
        yield replace(item, id=whole(item.id))
        return
    id, texts = whole(item.id), whole(list(item.references))
    faults = list(map(wordless, texts))
    captions = tuple(text for text, fault in zip(texts, faults) if not fault)
    yield from (LeftOut(id, fault, "caption") for fault in faults if fault)
    yield item if (id, captions) == (item.id, item.references) else Example(id, item.image, captions)


def wordless(text: str) -> str:
    """Why a caption teaches nothing but silence, as "." does; "" for a caption with a word."""
    if not text.strip():
        return "it is blank"
    plain = any(letter.isalnum() and letter <= "\uffff" for letter in text)
    return "" if plain or tokenize(text) else "it has no word"


def also(spec: str) -> str:
    """The table that lies beside the pictures of a folder, as the end of a message; "" without one."""
    others = recognise(spec, DATA).others
    return f"; there is also {others[0]}" if others else ""


def split_names(spec: str) -> list[str]:
    """The names of a data set's splits; none for a data set that has no splits."""
    return splits_of_source(recognise(spec, DATA))


def splits_of_source(source: Source) -> list[str]:
    names = DATA[source.format].splits
    return names(**values(source)) if names else []


def values(source: Source) -> dict[str, Any]:
    """The options of a spec as arguments of the adapter. Raises ValueError for unknown or missing options."""
    name, read = source.format, DATA[source.format].read
    hints = get_type_hints(read)
    parameters = [parameter for parameter in inspect.signature(read).parameters.values() if parameter.name != "split"]
    names = [parameter.name for parameter in parameters]
    arguments = {}
    for typed, text in source.options.items():
        option = find(typed, names, f"option of {name}")
        arguments[option] = typed_as(hints[option], f"{name}:{option}", text)
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in arguments:
            raise ValueError(f"{name} needs {parameter.name}; type {name}:{parameter.name}=...")
    return arguments


def typed_as(kind: type, option: str, text: str) -> str | int | bool:
    if kind is str:
        return text
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{option} must be a whole number from 0, got {text!r}")
    if kind is bool and text not in ("0", "1"):
        raise ValueError(f"{option} must be 0 or 1, got {text!r}")
    return kind(int(text))
