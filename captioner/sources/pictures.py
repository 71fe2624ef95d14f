"""Pictures that threads read ahead, sorted into those that can be captioned and the faults of the others."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from PIL import Image

from captioner.features.shelf import ContentShelf, Entry
from captioner.sources.protocol import Seen
from metric.example import Example, UnreadableImage, open_image


def identified(example: Example) -> tuple[Entry, Image.Image]:
    """What a picture is known by later, and the picture. Raises UnreadableImage."""
    return ContentShelf().identify(example), open_image(example.image)


def sorted_out(reading: Iterable[tuple[Example, Future[tuple[Entry, Any]]]]) -> Seen:
    """A block from what threads read of its examples: (entry, content) of each, or UnreadableImage."""
    read, faults = [], {}
    for example, opened in reading:
        try:
            read.append((example, *opened.result()))
        except UnreadableImage as error:
            faults[example.id] = str(error)
    examples, entries, contents = zip(*read) if read else ((), (), ())
    return Seen(examples, contents, entries, faults)
