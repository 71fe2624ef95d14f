"""The samples of a shard: files that share a key, and the pictures with captions among them.

A key ends at the first dot of a file's name, as webdataset has it. Where a sample has several pictures with captions of
their own, such as `IMG.1.jpg IMG.1.txt IMG.2.jpg IMG.2.txt`, the names decide that end at the last dot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from captioner.data.beside import (
    LINES,
    RECORD,
    BadText,
    Sample,
    captions_under,
    example_of,
    further,
    lines_beside,
    record_beside,
    settled,
)
from captioner.data.columns import references_column
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_files import is_left_alone, is_picture, unread
from captioner.data.splits import same, split_in
from metric.images import InMemory, InTar, InZip

Member: TypeAlias = InTar | InZip | InMemory
Files: TypeAlias = dict[str, Member]
"""ending in lower case -> file"""
SAMPLE = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # key and ending, as in webdataset's base_plus_ext
OWN = re.compile(r"__[^/]*__($|/)")  # names that webdataset keeps for itself
TEXTS = {*LINES, RECORD}


def key_of(name: str) -> tuple[str, str] | None:
    """Key and ending in lower case of a file's name; None for a file that belongs to no sample."""
    match = SAMPLE.fullmatch(name)
    return (match[1], match[2].lower()) if match and not OWN.match(name) else None


def grouped(files: Iterable[tuple[str, Member]]) -> Iterator[tuple[str, Files] | LeftOut]:
    """Key and files of each sample, in the order of the first file of each. Files of one key may lie anywhere."""
    found: dict[str, Files] = {}
    for name, file in files:
        key = key_of(name)
        if not key:
            yield from foreign(name)
        elif found.setdefault(key[0], {}).setdefault(key[1], file) != file:
            yield capitals(name, found[key[0]][key[1]].name)
    yield from found.items()


def capitals(name: str, other: str) -> LeftOut:
    """What is left out by a file whose name differs from another of its sample in capitals only."""
    return LeftOut(name, f"{other} has this name in other capitals", "picture" if is_picture(name) else "file")


def foreign(name: str) -> list[LeftOut]:
    """What is left out by a file that belongs to no sample."""
    if is_picture(name):
        return [LeftOut(name, "its name begins with a dot, so that it has no key")]
    return [] if is_left_alone(name) or OWN.match(name) else [LeftOut(name, unread(name), "file")]


def neighbours(members: Iterable[InMemory | LeftOut], url: str) -> Iterator[tuple[str, Files] | LeftOut]:
    """Key and files of each sample of a stream: neighbours with one key.

    A file whose key was there before is left out, since its picture is gone.
    """
    key, sample, several = "", Files(), set[str]()
    seen: set[str] = set()
    for member in members:
        if isinstance(member, LeftOut):
            yield member
            continue
        match = key_of(member.name)
        if not match:
            yield from foreign(member.name)
            continue
        if match[0] != key:
            yield from whole(key, sample, several, url)
            seen.add(key)
            key, sample, several = match[0], {}, set()
        if key in seen:
            yield LeftOut(member.name, f"{url} is not sorted by name; pack it by tar --sort=name", "file")
        elif sample.setdefault(match[1], member).name != member.name:
            yield capitals(member.name, sample[match[1]].name)
        elif sample[match[1]] != member:
            several.add(match[1])
    yield from whole(key, sample, several, url)


def whole(key: str, sample: Files, several: set[str], url: str) -> Iterator[tuple[str, Files] | LeftOut]:
    """A sample of a stream without the files that come several times and differ."""
    reason = f"{url} has several files of this name, and they differ"
    yield from (LeftOut(sample[ending].name, reason, "file") for ending in sorted(several))
    files = {ending: file for ending, file in sample.items() if ending not in several}
    if files:
        yield key, files


def examples(key: str, files: Files, split: str, references: str, url: str, before: str) -> Read:
    """The examples of a sample that are of a split. `before` is written before each id."""
    chosen, left_out = pictures_of(key, files)
    for sample in chosen:
        yield from example(sample, split, references, url, before)
    yield from left_out


def pictures_of(key: str, files: Files) -> tuple[list[Sample], list[LeftOut]]:
    """The pictures of a sample with the files of captions beside each, and what is left out.

    `a.jpg` is the picture of the sample `a`. Others, `a.1.jpg`, count where they have captions of their own, `a.1.txt`,
    or where there is no `a.jpg`. A single picture takes the captions `a.txt`.
    """
    stems: dict[str, Files] = {}
    for ending, file in files.items():
        stem, _, last = ending.rpartition(".")
        stems.setdefault(stem, {})[last] = file
    pictured = [stem for stem, parts in stems.items() if any(map(shows, parts))]
    if not pictured:
        return [], [LeftOut(key, f"no picture among its files, {', '.join(files)}")]
    own = [stem for stem in pictured if stem == "" or "" not in pictured or not TEXTS.isdisjoint(stems[stem])]
    shared = stems.get("", {}) if len(own) == 1 else {}
    samples = [sample_of(shared | stems[stem], stem, stems) for stem in own]
    used = {id(file) for sample in samples for file in (sample.picture, *sample.beside.values())}
    rest = [file.name for file in files.values() if id(file) not in used]
    return samples, [item for name in rest for item in unchosen(name, samples[0].id)]


def shows(ending: str) -> bool:
    return is_picture(f"a.{ending}")


def unchosen(name: str, picture: str) -> list[LeftOut]:
    """What is left out by a further picture or text of a sample. Other files, `.cls` or `.x.json`, are no captions."""
    ending = name.rpartition(".")[2].lower()
    if not shows(ending) and ending not in LINES:
        return []
    return [LeftOut(name, f"{picture} is the picture of its sample", "picture" if shows(ending) else "file")]


def sample_of(parts: Files, stem: str, stems: Mapping[str, Files]) -> Sample:
    """The first picture among `parts` with the texts among them, and those of its whole name, `a.jpg.txt`."""
    last, picture = next((ending, file) for ending, file in parts.items() if shows(ending))
    texts = parts | stems.get(f"{stem}.{last}".lstrip("."), {})
    return Sample(picture.name, picture, {ending: file for ending, file in texts.items() if ending in TEXTS})


def example(sample: Sample, split: str, references: str, url: str, before: str) -> Read:
    """The example of a picture with the captions of its record, else those of its text files, if it is of the split.

    What cannot be used is left out. The picture stays, unless its record cannot be read, which may name id and split.
    """
    try:
        record = record_beside(sample)
        name = f"{before}{id_in(record) or sample.id}"
    except BadText as error:
        yield LeftOut(sample.id, str(error))
        return
    if not same(other := record.get("split") or split, split):
        if same(split_in(url), split):  # no other split reads this shard
            yield LeftOut(name, f"its .json has the split {other!r}, and the name of {url} has {split!r}")
        return
    lines, left_out = lines_beside(sample)
    recorded: tuple[str, ...] = ()
    try:
        key = references_column(record, references, f"{url}: {name}") if record else None
        recorded = captions_under(record, key)
        left_out += further(name, record, key)
    except BadText as error:
        left_out.append(LeftOut(name, str(error), "caption"))
    yield from example_of(name, sample.picture, settled(name, lines, recorded, record_first=True))
    yield from left_out


def id_in(record: Mapping[str, Any]) -> str:
    """The id of a record as text, where 1.0 is 1; "" without one. Raises BadText for a value that is no id."""
    id = record.get("id")
    if isinstance(id, bool) or not isinstance(id, (str, int, float, type(None))):
        raise BadText(f"its .json has the id {json.dumps(id)[:80]}, expected text or a number")
    return "" if id is None else str(int(id) if isinstance(id, float) and id.is_integer() else id)


def record_of(files: Mapping[str, Member]) -> dict[str, Any]:
    """The record of a sample; {} without one that can be read."""
    try:
        return record_beside(Sample("", next(iter(files.values())), files))
    except BadText:
        return {}
