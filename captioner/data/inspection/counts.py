"""The content of a data set in one pass and bounded memory: counts, lengths, words, broken files, a few examples."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from PIL import Image, ImageOps

from captioner.data.left_out import Read
from metric.example import Example, UnreadableImage, open_image
from metric.runtime.interrupts import threads
from metric.runtime.progress import watched
from metric.scores.ptb_tokenizer import tokenize
from metric.storage.ledger import Ledger

TOGETHER = 256  # pictures that are opened together
THREADS = 8  # reading waits for the disk, and Pillow decodes without Python's lock


@dataclass
class Look:
    """The content of one split. Lengths are in words, as CIDEr's tokenizer counts them."""

    split: str
    pictures: int = 0
    references: Counter[int] = field(default_factory=Counter)
    """number of captions -> number of pictures with that many captions"""
    lengths: Counter[int] = field(default_factory=Counter)
    """number of words -> number of captions with that many words"""
    words: Counter[str] = field(default_factory=Counter)
    left_out: Ledger = field(default_factory=Ledger)
    opened: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    """id -> reason"""
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    shown: list[Example] = field(default_factory=list)

    def note(self, example: Example) -> None:
        self.pictures += 1
        self.references[len(example.references)] += 1
        for caption in example.references:
            tokens = tokenize(caption)
            self.lengths[len(tokens)] += 1
            self.words.update(tokens)

    def open(self, examples: Sequence[Example]) -> None:
        """Decode pictures completely, since a file that is cut short has a sound beginning."""
        with threads(THREADS) as pool:
            for example, outcome in zip(examples, pool.map(size_or_reason, examples)):
                self.opened += 1
                if isinstance(outcome, str):
                    self.broken[example.id] = outcome
                else:
                    self.sizes[outcome] += 1

    def all_left_out(self) -> Ledger:
        """What an adapter left out, and the broken pictures, which a run would leave out."""
        found = self.left_out.of("")
        for name, reason in self.broken.items():
            found.add("", "picture", name, reason)
        return found

    def numbers(self) -> dict[str, Any]:
        """The numbers that are printed and written as JSON."""
        return {
            "pictures": self.pictures,
            "captions": self.lengths.total(),
            "captions_a_picture": quartiles(self.references),
            "words_a_caption": quartiles(self.lengths),
            "vocabulary": len(self.words),
            "opened": self.opened,
            "width": quartiles(Counter(widths(self.sizes))),
            "height": quartiles(Counter(heights(self.sizes))),
            "left_out": self.left_out.lines(),
            "broken": self.broken,
        }


def look(read: Read, split: str, opened: int, shown: int) -> Look:
    """The content of a split.

    `opened` is the number of pictures to decode, drawn with a fixed seed; -1 decodes all. `shown` is the number of
    examples to keep for the contact sheet.
    """
    content = Look(split)
    to_open, to_show = Lot(max(opened, 0)), Lot(shown)
    for chunk in chunks(watched(noted(read, content), f"{split} picture")):
        for example in chunk:
            to_open.offer(example)
            to_show.offer(example)
        if opened < 0:
            content.open(chunk)
    for chunk in chunks(watched(to_open.drawn(), f"{split}, opened picture")):
        content.open(chunk)
    content.shown = to_show.drawn()
    return content


def noted(read: Read, content: Look) -> Iterator[Example]:
    for item in read:
        if isinstance(item, Example):
            content.note(item)
            yield item
        else:
            content.left_out.add("", item.kind, item.id, item.reason)


def chunks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    rest = iter(examples)
    while chunk := list(islice(rest, TOGETHER)):
        yield chunk


class Lot:
    """A random sample of a stream of unknown length, in the stream's order (reservoir sampling)."""

    def __init__(self, count: int) -> None:
        self.count, self.offered = count, 0
        self.sample: list[tuple[int, Example]] = []
        self.rng = random.Random(0)

    def offer(self, example: Example) -> None:
        place = self.offered if self.offered < self.count else self.rng.randint(0, self.offered)
        if place < self.count:
            self.sample[place : place + 1] = [(self.offered, example)]
        self.offered += 1

    def drawn(self) -> list[Example]:
        return [example for _, example in sorted(self.sample, key=lambda pair: pair[0])]


def size_or_reason(example: Example) -> tuple[int, int] | str:
    try:
        return open_image(example.image).size
    except UnreadableImage as error:
        return str(error)


def widths(sizes: Counter[tuple[int, int]]) -> Iterator[int]:
    return (width for width, _ in sizes.elements())


def heights(sizes: Counter[tuple[int, int]]) -> Iterator[int]:
    return (height for _, height in sizes.elements())


def quartiles(counts: Counter[int]) -> list[int]:
    """Least, lower quartile, median, upper quartile and greatest value; empty without values."""
    total, values = counts.total(), sorted(counts)
    ranks = [round(share * (total - 1)) for share in (0, 0.25, 0.5, 0.75, 1)] if total else []
    return [ranked(counts, values, rank) for rank in ranks]


def ranked(counts: Counter[int], values: Sequence[int], rank: int) -> int:
    for value in values:
        rank -= counts[value]
        if rank < 0:
            return value
    raise AssertionError(f"no value has the rank {rank}")


def thumbnail(example: Example, size: tuple[int, int]) -> Image.Image | str:
    """The picture, resized to fit `size` (width, height) in pixels, or the reason why it cannot be read."""
    try:
        picture = open_image(example.image)
    except UnreadableImage as error:
        return str(error)
    return ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
