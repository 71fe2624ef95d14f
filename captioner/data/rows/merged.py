"""Records of one picture become one Example, wherever they stand in a file, and in every format alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias
from unicodedata import normalize

from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import File, Pictures
from captioner.data.rows.records import Entry, files_of

Entries: TypeAlias = Callable[[], Iterator[Entry | LeftOut]]  # reads the file anew at each call


def examples(entries: Entries, pictures: Pictures, by_id: bool = False) -> Read:
    """An Example a picture, in the order in which the pictures come first. Only names and ids are kept in memory.

    Records of one picture are merged, also where they spell its name differently: its first name counts. If they have
    different ids, the pictures' names are the ids, and the other ids are LeftOuts. With `by_id` records of one id are
    merged. Raises ValueError for an id that two pictures have.
    """
    index = Index(by_id, entries())
    if first := first_names(index.ids, pictures):
        entries = respelt(entries, first)
        index = Index(by_id, entries())
    index.check()
    captions = index.gathered(entries()) if index.repeated else {}
    for item in entries():
        if isinstance(item, LeftOut):
            yield item
            continue
        yield from (LeftOut(index.id_of(item), reason, "caption") for reason in item.unused)
        if index.id_of(item) != item.id:
            yield LeftOut(item.id, "it differs among records of one picture, whose name is the id", "id")
        key = index.key(item)
        if key not in index.repeated or key in captions:
            yield pictures.example(index.id_of(item), item.files, captions.pop(key, item.captions))


def first_names(names: Iterable[str], pictures: Pictures) -> dict[str, str]:
    """Name -> the first name of the same file, for names that are not the first. Addresses are not compared.

    Only names that may mean one file, such as `1.jpg`, `a/1.JPG` and `1`, are looked up.
    """
    known = [name for name in names if "://" not in name]
    stems = Counter(stem for name in known for stem in stems_of(name))
    firsts: dict[File, str] = {}
    found: dict[str, str] = {}
    for name in (name for name in known if any(stems[stem] > 1 for stem in stems_of(name))):
        if (file := pictures.find(*files_of(name))) and (first := firsts.setdefault(file, name)) != name:
            found[name] = first
    return found


def stems_of(name: str) -> set[str]:
    """What names of one file have in common: the last part in lower case, up to its first dot."""
    files = (normalize("NFC", file).replace("\\", "/").rpartition("/")[2] for file in files_of(name))
    return {file.lower().partition(".")[0] for file in files}


def respelt(entries: Entries, first: Mapping[str, str]) -> Entries:
    """The entries with the first name of each file. An id that is the name goes with it."""

    def read() -> Iterator[Entry | LeftOut]:
        for item in entries():
            name = first.get(item.name) if isinstance(item, Entry) else None
            if isinstance(item, LeftOut) or name is None:
                yield item
            else:
                yield replace(item, name=name, id=name if item.id == item.name else item.id)

    return read


class Index:
    """The pictures that a file names and their ids, noted in a first pass."""

    def __init__(self, by_id: bool, entries: Iterator[Entry | LeftOut]) -> None:
        self.by_id = by_id
        self.ids: dict[str, str] = {}  # by the picture's name
        self.names: dict[str, str] = {}  # by the id
        self.repeated: set[str] = set()  # keys of several records
        self.numbered = False  # whether ids differ among the records of one picture
        self.clash = ""  # two pictures of one id
        for item in entries:
            if isinstance(item, Entry):
                self.note(item)

    def key(self, entry: Entry) -> str:
        return entry.id if self.by_id else entry.name

    def id_of(self, entry: Entry) -> str:
        return entry.name if self.numbered else entry.id

    def note(self, entry: Entry) -> None:
        if self.key(entry) in (self.names if self.by_id else self.ids):
            self.repeated.add(self.key(entry))
        other = self.names.setdefault(entry.id, entry.name)
        if other != entry.name and not self.clash:
            self.clash = f"{entry.place}: {entry.id!r} is the id of two pictures, {other} and {entry.name}"
        own = self.ids.setdefault(entry.name, entry.id)
        self.numbered |= not self.by_id and own != entry.id

    def check(self) -> None:
        if self.clash and not self.numbered:
            raise ValueError(f"{self.clash}; type the option id=COLUMN, which may name the column of the pictures")

    def gathered(self, entries: Iterator[Entry | LeftOut]) -> dict[str, tuple[str, ...]]:
        """Key -> captions of all records, for the pictures that have several."""
        captions: dict[str, list[str]] = {key: [] for key in self.repeated}
        for item in entries:
            if isinstance(item, Entry) and self.key(item) in captions:
                captions[self.key(item)].extend(item.captions)
        return {key: tuple(texts) for key, texts in captions.items()}
