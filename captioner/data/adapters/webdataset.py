"""webdataset shards: tars in which the files of one picture share a name, `7.jpg 7.txt` or `7.jpg 7.json`.

Shards on the disk are indexed, and a picture is read when it is used. Other shards (`pipe:`, http, s3 and further kinds
of webdataset) stream, and the Example holds the picture's bytes. One sample of a shard at a time is in memory.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from captioner.data.adapters.folders import SUFFIXES
from captioner.data.columns import references_column, texts
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import tar_members
from captioner.data.splits import SPLIT, in_order, same, split_in
from metric.example import Example
from metric.images import InMemory, InTar
from metric.storage.text_lines import text_lines

Member: TypeAlias = InTar | InMemory
SAMPLE = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # key and ending, as in webdataset's base_plus_ext


def webdataset(split: str, shards: str, references: str = "") -> Read:
    """`shards` is a pattern such as `cc-{00000..00331}.tar`, `pipe:curl -s https://.../{00..31}.tar`, or a folder.

    `{split}` in a pattern stands for the split. In a folder whose shards name splits, shards that name another split
    are not read. Captions are the lines of `.txt`, or the references in `.json`, which may also have `id` and `split`.
    """
    for url in urls(shards, split):
        yield from shard(url, split, references)


def webdataset_splits(shards: str, **_: Any) -> list[str]:
    if Path(shards).is_dir():
        return in_order({split_in(path.name) for path in Path(shards).glob("*.tar")} - {""})
    if SPLIT in shards:
        return [split for split in ("train", "val", "test") if any(Path(url).is_file() for url in urls(shards, split))]
    return []


def urls(shards: str, split: str) -> list[str]:
    """The shards of a split, in order."""
    if Path(shards).is_dir():
        paths = sorted(Path(shards).glob("*.tar"))
        named = any(split_in(path.name) for path in paths)
        urls_of_split = [str(path) for path in paths if not named or same(split_in(path.name), split)]
    else:
        urls_of_split = opener().shardlists.expand_urls(shards.replace(SPLIT, split))
    if not urls_of_split:
        raise ValueError(f"{shards} has no shard of the split {split!r}")
    return urls_of_split


def opener() -> Any:
    try:
        import webdataset
    except ImportError:
        raise ValueError("shards need the package webdataset; type pip install 'captioner[hub]'") from None
    return webdataset


def shard(url: str, split: str, references: str = "") -> Read:
    """The examples of one shard. A shard that breaks off gives the examples before the break, then a LeftOut."""
    try:
        for key, sample in samples(files(url)):
            read_example = example(key, sample, split, references, url)
            if read_example:
                yield read_example
    except (tarfile.TarError, OSError) as error:
        yield LeftOut(url, reason(error), "shard")


def reason(error: Exception) -> str:
    """The reason of an error. For a failed command: its exit code, without webdataset's long list of arguments."""
    code = re.search(r"exit -?\d+", str(error))
    return f"its command failed, {code[0]}" if code else f"{error}"


def files(url: str) -> Iterator[Member]:
    path = Path(url.removeprefix("file:"))
    if path.suffix == ".tar" and path.is_file():
        yield from (member for _, member in tar_members(path))
        return
    with opener().gopen(url) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content:
                yield InMemory(entry.name, content.read())
            tar.members = []  # type: ignore[attr-defined]  # else the tar would keep every member in memory


def samples(members: Iterator[Member]) -> Iterator[tuple[str, dict[str, Member]]]:
    """Key and files by lower-case ending of each sample: neighbours with one key. `__name__` is webdataset's own."""
    key = ""
    sample: dict[str, Member] = {}
    for member in members:
        match = SAMPLE.fullmatch(member.name)
        if not match or re.match(r"__[^/]*__($|/)", member.name):
            continue
        if match[1] != key and sample:
            yield key, sample
            sample = {}
        key = match[1]
        sample[match[2].lower()] = member
    if sample:
        yield key, sample


def example(key: str, sample: dict[str, Member], split: str, references: str, url: str) -> Example | LeftOut | None:
    """The example of a sample; None for a sample of another split."""
    row = json_of(sample, f"{url}: {key}")
    if not same(row.get("split", split), split):
        return None
    picture = next((member for ending, member in sample.items() if f".{ending}" in SUFFIXES), None)
    if not picture:
        return LeftOut(key, f"no picture among its files, {', '.join(sample)}")
    if row:
        column = references_column(row, references, f"{url}: {key}.json")
        captions = texts(row[column], f"{url}: {key}.json") if column else ()
    else:
        captions = ()
    if not captions and "txt" in sample:
        try:
            captions = tuple(text_lines(sample["txt"].data.decode("utf-8-sig")))
        except UnicodeDecodeError:
            return LeftOut(key, "its .txt is no UTF-8 text")
    return Example(str(row.get("id", picture.name)), picture, captions)


def json_of(sample: dict[str, Member], place: str) -> dict[str, Any]:
    if "json" not in sample:
        return {}
    try:
        row = json.loads(sample["json"].data)
    except ValueError as error:
        raise ValueError(f"{place}.json is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"{place}.json must be an object, got a {type(row).__name__}")
    return row
