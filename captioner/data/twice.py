"""Ids that come twice in a split. One of two captions would be lost, so every command refuses such data."""

from __future__ import annotations

from pathlib import Path

from captioner.data.detect import Source
from captioner.data.left_out import LeftOut, Read
from metric.example import Example
from metric.images import InMemory, InTar, InZip

OTHERS = "another picture has this id, and other commands refuse that"


class Ids:
    """The ids of a split so far, each with the archive or shard of its picture."""

    def __init__(self) -> None:
        self.places: dict[str, str | Path] = {}

    def again(self, example: Example) -> str:
        """Where the id of an example was before: `'0.jpg' twice, in a.tar and b.tar`; "" for a new id."""
        place = place_of(example)
        if example.id not in self.places:
            self.places[example.id] = place
            return ""
        before = self.places[example.id]
        return f"{example.id!r} twice{f', in {before} and in {place}' if before != place else ''}"


def advice(source: Source) -> str:
    """What to type for data with an id that comes twice."""
    option = {"webdataset": ("ids", "shards"), "hf": ("id", "COLUMN")}.get(source.format, ("", ""))
    if option[0] and option[0] not in source.options:
        return f"type {source},{option[0]}={option[1]}"
    return "give each picture its own id"


def told(read: Read, source: Source) -> Read:
    """The items of a data set, where an example whose id was there before is left out."""
    ids = Ids()
    for item in read:
        again = ids.again(item) if isinstance(item, Example) else ""
        yield LeftOut(again, f"{OTHERS}; {advice(source)}") if again else item


def place_of(example: Example) -> str | Path:
    image = example.image
    if isinstance(image, (InTar, InZip)):
        return image.archive
    return image.origin if isinstance(image, InMemory) else ""
