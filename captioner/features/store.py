"""Features of pictures by example id: computed once and kept, or computed for each batch.

Axes: n or b pictures, p patches, f features.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from captioner.features.patch_features import grid_features
from captioner.features.shelf import DiskShelf, Entry, MemoryShelf, Shelf, ids_in
from metric.clip.model import Clip
from metric.example import Example, UnreadableImage, open_image
from metric.readable import picture_faults
from metric.runtime.console import say
from metric.runtime.interrupts import threads
from metric.runtime.progress import Progress
from metric.storage.disk import refuse_full, space
from metric.storage.ledger import report_all

SHARD = 256  # pictures of a shard; a kill costs at most one shard
TOGETHER = 64  # pictures that the tower computes at once
PLANNED = 10_000  # a plan is printed before so many pictures are computed
T = TypeVar("T")
ONLINE = "online"  # value of --features: no folder, features are computed for each batch


@dataclass(frozen=True)
class Looked:
    """The result for a block of examples: new features `p f` by key, and faults by example id."""

    examples: Sequence[Example]
    entries: list[Entry]
    new: dict[str, np.ndarray]
    faults: dict[str, str]


Reading = list[tuple[Example, Future[tuple[Entry, Tensor | None]]]]


def look_at(blocks: Iterable[Sequence[Example]], clip: Clip, shelf: Shelf) -> Iterator[Looked]:
    """Yields the features of each block. Threads read the pictures of the next block meanwhile.

    Ends by telling how many lost pictures were known by their id alone: another data set may have the same ids.
    """
    for reading in read_ahead(blocks, lambda example: glance(example, clip, shelf)):
        yield looked(reading, clip)
    if shelf.by_id:
        say(
            f"{len(shelf.by_id):,} pictures are gone, and were not kept from this place, such as "
            f"{min(shelf.by_id)}: their features are those of pictures with the same id"
        )


def read_ahead(
    blocks: Iterable[Sequence[Example]], read: Callable[[Example], T]
) -> Iterator[list[tuple[Example, Future[T]]]]:
    """Yields each block with what `read` gives for its examples, read by threads while the block before is at work."""
    with threads(torch.get_num_threads()) as pool:
        reading: list[tuple[Example, Future[T]]] | None = None
        for block in blocks:
            before = reading
            reading = [(example, pool.submit(read, example)) for example in block]
            if before is not None:
                yield before
        if reading is not None:
            yield reading


def glance(example: Example, clip: Clip, shelf: Shelf) -> tuple[Entry, Tensor | None]:
    """Identifies an example, and reads its pixels `c h w` unless the shelf has its features."""
    entry = shelf.identify(example)
    return entry, None if entry.key in shelf else clip.preprocess(open_image(example.image))


def looked(reading: Reading, clip: Clip) -> Looked:
    """Computes the features of a block whose pictures are being read."""
    entries, pixels, faults = [], {}, {}
    for example, glanced in reading:
        try:
            entry, picture = glanced.result()
        except UnreadableImage as error:
            faults[example.id] = str(error)
            continue
        entries.append(entry)
        if picture is not None:
            pixels[entry.key] = picture
    return Looked(
        [example for example, _ in reading], entries, dict(zip(pixels, features_of([*pixels.values()], clip))), faults
    )


def features_of(pixels: Sequence[Tensor], clip: Clip) -> Iterator[np.ndarray]:
    """Yields the features of each picture. Pixels `c h w` -> `p f`, fp16."""
    largest = torch.finfo(torch.float16).max
    for start in range(0, len(pixels), TOGETHER):
        features = grid_features(clip, torch.stack([*pixels[start : start + TOGETHER]]))
        yield from features.clamp(-largest, largest).half().cpu().numpy()


def fill(blocks: Iterable[Sequence[Example]], clip: Clip, shelf: Shelf) -> Iterator[Looked]:
    """Adds the missing features to the shelf, block by block."""
    for block in look_at(blocks, clip, shelf):
        shelf.add(block.entries, block.new)
        yield block


class Features(Protocol):
    """Features by example id. `skipped` has the reason for each example without features."""

    skipped: dict[str, str]

    def __getitem__(self, ids: Sequence[str]) -> Tensor: ...  # `b p f` fp32


class FeatureStore:
    """Features on a shelf: `store[ids]` is a tensor `b p f`, fp32."""

    def __init__(self, shelf: Shelf, keys: dict[str, str], skipped: dict[str, str]) -> None:
        self.shelf, self.keys, self.skipped = shelf, keys, skipped

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, ids: Sequence[str]) -> Tensor:
        return torch.from_numpy(self.shelf.rows([self.keys[name] for name in ids])).float()

    @classmethod
    def build(cls, examples: Sequence[Example], clip: Clip, folder: Path | None, size: int = SHARD) -> FeatureStore:
        """Computes the features that `folder` lacks. None keeps all in memory. A second call continues a killed one.

        Several splits and runs may share a folder, because the key of a picture is its content.
        """
        blocks = [examples[start : start + size] for start in range(0, len(examples), size)]
        shelf = MemoryShelf() if folder is None else DiskShelf(folder, clip)
        todo = [example for example in examples if not shelf.at_hand(example)]
        if len(todo) >= PLANNED:
            say(plan(len(todo), todo[:TOGETHER], clip))
        keys: dict[str, str] = {}
        skipped: dict[str, str] = {}
        with Progress("features of picture", len(examples), part=True, shown=bool(todo)) as progress:
            for block in fill(blocks, clip, shelf):
                keys |= {entry.id: entry.key for entry in block.entries}
                skipped |= block.faults
                progress.advance(len(block.entries) + len(block.faults))
        return cls(shelf, keys, skipped)


def plan(count: int | None, sample: Sequence[Example], clip: Clip, out: Path | None = None) -> str:
    """A line on the disk space and the time that `count` pictures need, at the rate of a sample that is computed now.

    Without a count, the line is about a thousand pictures. Raises ValueError when they need more than is free at `out`,
    the folder that keeps them, if any.
    """
    started = time.perf_counter()
    (block,) = look_at([sample], clip, MemoryShelf())
    rate = len(sample) / (time.perf_counter() - started)
    if not block.new:
        return f"none of the first {len(sample)} pictures can be read, such as {next(iter(block.faults.values()))}"
    p, f = next(iter(block.new.values())).shape
    pictures = 1000 if count is None else count
    name = "of each 1,000 pictures" if count is None else f"of {count:,} pictures"
    size = 2 * p * f * pictures  # fp16
    if out:
        refuse_full(f"the features {name} need", size, out)
    return (
        f"features {name}: {p} x {f} each, {space(size)}, about {hours(pictures / rate)} "
        f"at {rate:.0f} pictures a second"
    )


def hours(seconds: float) -> str:
    """Seconds as `1.5 hours` or `2.0 minutes`."""
    return f"{seconds / 3600:.1f} hours" if seconds > 3600 else f"{seconds / 60:.1f} minutes"


def featured(examples: Sequence[Example], clip: Clip, typed: str, source: str) -> tuple[FeatureStore, list[Example]]:
    """The features of examples, and the examples that have them. The ledger names the others, as of `source`.

    `typed` is the folder of features that a run names, or "".
    """
    features = FeatureStore.build(examples, clip, folder_of(typed))
    report_all(source, reasons(features.skipped, examples))
    return features, [example for example in examples if example.id not in features.skipped]


def reasons(skipped: Mapping[str, str], examples: Iterable[Example]) -> dict[str, str]:
    """The faults by id, without the name of the file at the beginning: equal faults then read alike."""
    images = {example.id: f"{example.image}: " for example in examples if example.id in skipped}
    return {name: text.removeprefix(images.get(name, "")) for name, text in skipped.items()}


class OnlineFeatures:
    """Features that are computed when they are used. Features in `stored` are not computed again.

    Pictures that cannot be read are found before the first step: one of them would end the training that meets it.

    Training asks one batch ahead.
    """

    def __init__(self, examples: Sequence[Example], clip: Clip, stored: FeatureStore) -> None:
        self.examples = {example.id: example for example in examples}
        self.clip, self.stored = clip, stored
        todo = [example for example in examples if example.id not in stored.keys]
        faults = picture_faults([example.image for example in todo])
        self.skipped = stored.skipped | {
            example.id: f"{example.image}: {faults[example.image]}" for example in todo if example.image in faults
        }

    def __getitem__(self, ids: Sequence[str]) -> Tensor:
        if all(name in self.stored.keys for name in ids):
            return self.stored[ids]
        (block,) = look_at([[self.examples[name] for name in ids]], self.clip, MemoryShelf())
        for fault in block.faults.values():
            raise ValueError(f"{fault}; remove it from the data, or type --features DIR, which skips such pictures")
        return torch.from_numpy(np.stack([block.new[entry.key] for entry in block.entries])).float()


def folder_of(typed: str) -> Path | None:
    """The folder of `--features`, or None for an empty value and for `online`."""
    return Path(typed) if typed not in ("", ONLINE) else None


def known_ids(typed: str) -> frozenset[str]:
    """The ids of the examples whose features are in the folder of `--features`."""
    return ids_in(folder_of(typed))
