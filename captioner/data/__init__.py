"""Data sets by name or by their looks: one adapter a format, all giving the same Examples.

`load("scenes:count=4000", "train")` is a list, `stream("pipe:cat a-{0..9}.tar", "train")` one Example at a time, `read`
also tells what was left out. A format is a function `(split, **options) -> Examples and LeftOuts`, a line of DATA,
and where it has splits of its own a line of SPLITS.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterator
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

DATA: dict[str, Callable[..., Read]] = {
    "scenes": scenes,
    "flickr8k": flickr8k,
    "karpathy": karpathy,
    "coco": coco,
    "nocaps": nocaps,
    "textcaps": textcaps,
    "vizwiz": vizwiz,
    "tsv": tsv,
    "jsonl": jsonl,
    "csv": csv,
    "folder": folder,
    "webdataset": webdataset,
    "hf": hf,
}
SPLITS: dict[str, Callable[..., list[str]]] = {
    "scenes": scenes_splits,
    "flickr8k": flickr8k_splits,
    "karpathy": karpathy_splits,
    "coco": coco_splits,
    "nocaps": nocaps_splits,
    "textcaps": textcaps_splits,
    "vizwiz": vizwiz_splits,
    "tsv": tsv_splits,
    "jsonl": jsonl_splits,
    "csv": csv_splits,
    "webdataset": webdataset_splits,
    "hf": hf_splits,
}


def load(spec: str, split: str, known: Container[str] = ()) -> list[Example]:
    """The examples of a split; a ValueError names what was misspelt or is not there. Those whose id is `known` need
    no picture."""
    examples = list(stream(spec, split, known))
    ids: set[str] = set()
    for example in examples:
        if example.id in ids:
            raise ValueError(f"{spec} has {example.id!r} twice in the split {split!r}; give each picture its own")
        ids.add(example.id)
    return examples


def stream(spec: str, split: str, known: Container[str] = ()) -> Iterator[Example]:
    """One at a time, for what does not fit in memory; a warning tells at the end what was left out."""
    return kept(read(spec, split, known), spec)


def read(spec: str, split: str, known: Container[str] = ()) -> Iterator[Example | LeftOut]:
    """Everything the adapter says, for those who tell the user themselves. ValueError if there is no Example."""
    source = recognise(spec, DATA)
    lost: LeftOut | None = None
    empty = True
    for each in DATA[source.format](split, **values(source)):
        if isinstance(each, LeftOut) and each.example and each.id in known:
            each = each.example
        empty &= isinstance(each, LeftOut)
        lost = lost or (each if isinstance(each, LeftOut) else None)
        yield from without_blanks(each)
    if empty:
        raise ValueError(f"{spec} has no picture of the split {split!r}{why(source, lost)}")


Part: TypeAlias = Callable[[], Read]  # to be read as often as it is called


def parts(spec: str, split: str, known: Container[str] = ()) -> list[Part]:
    """What may be read apart, by several processes: shards; of other formats the whole."""
    source = recognise(spec, DATA)
    if source.format != "webdataset":
        return [partial(read, spec, split, known)]
    options = values(source)
    return [partial(shard, url, split, options.get("references", "")) for url in urls(options["shards"], split)]


def rereadable(spec: str) -> bool:
    """Whether going through it a second time costs little: not where it comes over a network or through a pipe."""
    source = recognise(spec, DATA)
    return source.format != "hf" and not re.search(r"pipe:|://", source.options.get("shards", ""))


def why(source: Source, lost: LeftOut | None) -> str:
    """What became of the pictures, and what may help."""
    if lost is None:
        return ""
    helps = "images" in inspect.signature(DATA[source.format]).parameters and "images" not in source.options
    told = f"; type {source},images=DIR" if helps else ""
    return f": the first, {lost.id}, was left out since {lost.reason}{told}"


def without_blanks(each: Example | LeftOut) -> Iterator[Example | LeftOut]:
    """Captions of white space teach nothing but to be silent."""
    if isinstance(each, Example) and not all(text.strip() for text in each.references):
        said = tuple(text for text in each.references if text.strip())
        yield from (LeftOut(each.id, "it is blank", "caption") for _ in range(len(each.references) - len(said)))
        yield Example(each.id, each.image, said)
    else:
        yield each


def split_names(spec: str) -> list[str]:
    """The splits a data set has; none where all of it is one."""
    source = recognise(spec, DATA)
    return SPLITS[source.format](**values(source)) if source.format in SPLITS else []


def values(source: Source) -> dict[str, Any]:
    """The options as the adapter's arguments."""
    name = source.format
    hints = get_type_hints(DATA[name])
    parameters = [each for each in inspect.signature(DATA[name]).parameters.values() if each.name != "split"]
    known = [parameter.name for parameter in parameters]
    found = {}
    for typed, text in source.options.items():
        option = find(typed, known, f"option of {name}")
        found[option] = typed_as(hints[option], f"{name}:{option}", text)
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in found:
            raise ValueError(f"{name} needs {parameter.name}; type {name}:{parameter.name}=...")
    return found


def typed_as(kind: type, what: str, text: str) -> str | int | bool:
    if kind is str:
        return text
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{what} is a whole number from 0, got {text!r}")
    if kind is bool and text not in ("0", "1"):
        raise ValueError(f"{what} is 0 or 1, got {text!r}")
    return kind(int(text))


def clean(caption: str) -> str:
    """A caption as it is learned: lower-case, single spaces, no final stop."""
    words = caption.lower().replace(" ,", ",").split()
    return " ".join(words).rstrip(" .")
