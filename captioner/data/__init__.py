"""Data sets by name or by path: one adapter a format, all giving the same Examples.

`load("scenes:count=4000", "train")` is a list. `stream("pipe:cat a-{0..9}.tar", "train")` gives one Example at a time.
`read` also gives what was left out. A format is a line of DATA: the function that reads it, and the one that lists its
splits.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, get_type_hints

from captioner.data.adapters.coco import coco, coco_splits, nocaps, nocaps_splits, vizwiz, vizwiz_splits
from captioner.data.adapters.flickr8k import flickr8k, flickr8k_splits
from captioner.data.adapters.folders import folder
from captioner.data.adapters.hf_datasets import hf, hf_splits
from captioner.data.adapters.karpathy import karpathy, karpathy_splits
from captioner.data.adapters.scenes import scenes, scenes_splits
from captioner.data.adapters.tables import csv, csv_splits, jsonl, jsonl_splits, tsv, tsv_splits
from captioner.data.adapters.textcaps import textcaps, textcaps_splits
from captioner.data.adapters.webdataset import shard, urls, webdataset, webdataset_splits
from captioner.data.detect import Source, recognise
from captioner.data.left_out import LeftOut, Read, kept
from metric.example import Example
from metric.spec import find


@dataclass(frozen=True)
class Format:
    """How data of one format are read."""

    read: Callable[..., Read]
    """`(split, **options)` -> Examples and LeftOuts; the options of a spec are its arguments"""
    splits: Callable[..., list[str]] | None = None
    """`(**options)` -> names of the splits; None for a format that has none"""


DATA = {
    "scenes": Format(scenes, scenes_splits),
    "flickr8k": Format(flickr8k, flickr8k_splits),
    "karpathy": Format(karpathy, karpathy_splits),
    "coco": Format(coco, coco_splits),
    "nocaps": Format(nocaps, nocaps_splits),
    "textcaps": Format(textcaps, textcaps_splits),
    "vizwiz": Format(vizwiz, vizwiz_splits),
    "tsv": Format(tsv, tsv_splits),
    "jsonl": Format(jsonl, jsonl_splits),
    "csv": Format(csv, csv_splits),
    "folder": Format(folder),
    "webdataset": Format(webdataset, webdataset_splits),
    "hf": Format(hf, hf_splits),
}


def load(spec: str, split: str, known: Container[str] = ()) -> list[Example]:
    """The examples of a split. An example whose id is `known` needs no picture.

    Raises ValueError for a misspelt name, for files that are not there, and for an id that comes twice.
    """
    examples = list(stream(spec, split, known))
    ids: set[str] = set()
    for example in examples:
        if example.id in ids:
            raise ValueError(f"{spec} has {example.id!r} twice in the split {split!r}; give each picture its own")
        ids.add(example.id)
    return examples


def stream(spec: str, split: str, known: Container[str] = ()) -> Iterator[Example]:
    """The examples of a split one at a time, for data that do not fit in memory.

    A warning at the end tells what was left out.
    """
    return kept(read(spec, split, known), spec)


def read(spec: str, split: str, known: Container[str] = ()) -> Iterator[Example | LeftOut]:
    """The examples of a split and what was left out, in the adapter's order. Raises ValueError without any example."""
    source = recognise(spec, DATA)
    lost: LeftOut | None = None
    empty = True
    for each in DATA[source.format].read(split, **values(source)):
        if isinstance(each, LeftOut) and each.example and each.id in known:
            each = each.example
        empty &= isinstance(each, LeftOut)
        lost = lost or (each if isinstance(each, LeftOut) else None)
        yield from without_blanks(each)
    if empty:
        raise ValueError(f"{spec} has no picture of the split {split!r}{why(source, lost)}")


Part: TypeAlias = Callable[[], Read]  # to be read as often as it is called


def parts(spec: str, split: str, known: Container[str] = ()) -> list[Part]:
    """The parts of a split that several processes may read apart: shards, or all of a data set of another format."""
    source = recognise(spec, DATA)
    if source.format != "webdataset":
        return [partial(read, spec, split, known)]
    options = values(source)
    return [partial(shard, url, split, options.get("references", "")) for url in urls(options["shards"], split)]


def rereadable(spec: str) -> bool:
    """Whether reading a data set a second time costs little. It does not over a network or through a pipe."""
    source = recognise(spec, DATA)
    return source.format != "hf" and not re.search(r"pipe:|://", source.options.get("shards", ""))


def why(source: Source, lost: LeftOut | None) -> str:
    """The reason why no picture is there, and the option that may help, as the end of a message."""
    if lost is None:
        return ""
    helps = "images" in inspect.signature(DATA[source.format].read).parameters and "images" not in source.options
    hint = f"; type {source},images=DIR" if helps else ""
    return f": the first, {lost.id}, was left out since {lost.reason}{hint}"


def without_blanks(each: Example | LeftOut) -> Iterator[Example | LeftOut]:
    """An example without its blank captions, which are left out: they would teach a captioner to be silent."""
    if isinstance(each, Example) and not all(text.strip() for text in each.references):
        references = tuple(text for text in each.references if text.strip())
        yield from (LeftOut(each.id, "it is blank", "caption") for _ in range(len(each.references) - len(references)))
        yield Example(each.id, each.image, references)
    else:
        yield each


def split_names(spec: str) -> list[str]:
    """The names of a data set's splits; none for a data set that has no splits."""
    source = recognise(spec, DATA)
    names = DATA[source.format].splits
    return names(**values(source)) if names else []


def values(source: Source) -> dict[str, Any]:
    """The options of a spec as arguments of the adapter. Raises ValueError for unknown or missing options."""
    name, read = source.format, DATA[source.format].read
    hints = get_type_hints(read)
    parameters = [each for each in inspect.signature(read).parameters.values() if each.name != "split"]
    known = [parameter.name for parameter in parameters]
    options = {}
    for typed, text in source.options.items():
        option = find(typed, known, f"option of {name}")
        options[option] = typed_as(hints[option], f"{name}:{option}", text)
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise ValueError(f"{name} needs {parameter.name}; type {name}:{parameter.name}=...")
    return options


def typed_as(kind: type, what: str, text: str) -> str | int | bool:
    if kind is str:
        return text
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{what} is a whole number from 0, got {text!r}")
    if kind is bool and text not in ("0", "1"):
        raise ValueError(f"{what} is 0 or 1, got {text!r}")
    return kind(int(text))
