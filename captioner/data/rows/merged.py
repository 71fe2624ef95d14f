"""Records of one picture become one Example, wherever they stand in a file, and in every format alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_lookup import Pictures
from captioner.data.rows.records import Entry

Entries: TypeAlias = Callable[[], Iterator[Entry | LeftOut]]  # reads the file anew at each call


def examples(entries: Entries, pictures: Pictures, by_id: bool = False) -> Read:
    """An Example a picture, in the order in which the pictures come first. Only names and ids are kept in memory.

    Records of one picture are merged. If they have different ids, the pictures' names are the ids, and the other ids
    are LeftOuts. With `by_id` records of one id are merged. Raises ValueError for an id that two pictures have.
    """
    index = Index(by_id)
    for item in entries():
        if isinstance(item, Entry):
            index.note(item)
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


class Index:
    """The pictures that a file names and their ids, noted in a first pass."""

    def __init__(self, by_id: bool) -> None:
        self.by_id = by_id
        self.ids: dict[str, str] = {}  # by the picture's name
        self.names: dict[str, str] = {}  # by the id
        self.repeated: set[str] = set()  # keys of several records
        self.numbered = False  # whether ids differ among the records of one picture
        self.clash = ""  # two pictures of one id

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
        self.numbered |= not self.by_id and self.ids.setdefault(entry.name, entry.id) != entry.id

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
