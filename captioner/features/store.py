"""Features of pictures, computed once and kept, or computed as they are asked for.

Axes: n or b pictures, p patches, f features.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from captioner.features.patch_features import grid_features
from captioner.features.shelf import DiskShelf, MemoryShelf, Seen, Shelf, ids_in, state_of
from metric.clip.model import Clip
from metric.example import Example, UnreadableImage, open_image
from metric.runtime.console import no_bar

SHARD = 256  # pictures of a shard: what a kill may cost
TOGETHER = 64  # pictures that the tower sees at once
PLANNED = 10_000  # pictures to compute from which on a plan is printed first
ONLINE = "online"  # what is typed for no folder: features are computed for each batch


@dataclass(frozen=True)
class Looked:
    """What came of a block of examples: who they are, the features `p f` that were new, by key; faults by id."""

    seen: list[Seen]
    new: dict[str, np.ndarray]
    faults: dict[str, str]


Reading = dict[str, Future[tuple[Seen, Tensor | None]]]


def look_at(blocks: Iterable[Sequence[Example]], clip: Clip, shelf: Shelf) -> Iterator[Looked]:
    """The next block's pictures are read while the caller and the tower work on this one's."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        reading: Reading | None = None
        for block in blocks:
            before = reading
            reading = {example.id: pool.submit(glance, example, clip, shelf) for example in block}
            if before is not None:
                yield looked(before, clip)
        if reading is not None:
            yield looked(reading, clip)


def glance(example: Example, clip: Clip, shelf: Shelf) -> tuple[Seen, Tensor | None]:
    """Who it is, and its pixels `c h w` unless its features are there."""
    seen = shelf.identify(example)
    return seen, None if seen.key in shelf else clip.preprocess(open_image(example.image))


def looked(reading: Reading, clip: Clip) -> Looked:
    seen, pixels, faults = [], {}, {}
    for name, glanced in reading.items():
        try:
            each, picture = glanced.result()
        except UnreadableImage as error:
            faults[name] = str(error)
            continue
        seen.append(each)
        if picture is not None:
            pixels[each.key] = picture
    return Looked(seen, dict(zip(pixels, features_of([*pixels.values()], clip))), faults)


def features_of(pixels: Sequence[Tensor], clip: Clip) -> Iterator[np.ndarray]:
    """`c h w` -> `p f` of each, fp16."""
    largest = torch.finfo(torch.float16).max
    for start in range(0, len(pixels), TOGETHER):
        features = grid_features(clip, torch.stack([*pixels[start : start + TOGETHER]]))
        yield from features.clamp(-largest, largest).half().cpu().numpy()


def fill(blocks: Iterable[Sequence[Example]], clip: Clip, shelf: Shelf) -> Iterator[Looked]:
    """Puts on the shelf what it lacks, block by block."""
    for each in look_at(blocks, clip, shelf):
        shelf.add(each.seen, each.new)
        yield each


class Features(Protocol):
    """Features by example id; `skipped` says which examples have none, and why."""

    skipped: dict[str, str]

    def __getitem__(self, ids: Sequence[str]) -> Tensor: ...  # `b p f` fp32


class FeatureStore:
    """Those of a shelf."""

    def __init__(self, shelf: Shelf, keys: dict[str, str], skipped: dict[str, str]) -> None:
        self.shelf, self.keys, self.skipped = shelf, keys, skipped

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, ids: Sequence[str]) -> Tensor:
        return torch.from_numpy(self.shelf.rows([self.keys[name] for name in ids])).float()

    @classmethod
    def build(cls, examples: Sequence[Example], clip: Clip, folder: Path | None, size: int = SHARD) -> FeatureStore:
        """Computes what `folder` (None: memory) lacks; killed half-way, it goes on from there.

        Pictures are known by content, so that splits and runs share a folder, which only ever grows.
        """
        blocks = [examples[start : start + size] for start in range(0, len(examples), size)]
        shelf = MemoryShelf() if folder is None else DiskShelf(folder, clip)
        todo = [example for example in examples if not shelf.at_hand(example)]
        if len(todo) >= PLANNED:
            tqdm.write(plan(len(todo), todo[:TOGETHER], clip))
        keys: dict[str, str] = {}
        skipped: dict[str, str] = {}
        with tqdm(total=len(examples), desc="features", unit="picture", disable=no_bar() if todo else True) as bar:
            for found in fill(blocks, clip, shelf):
                keys |= {seen.id: seen.key for seen in found.seen}
                skipped |= found.faults
                bar.update(len(found.seen) + len(found.faults))
        return cls(shelf, keys, skipped)


def plan(count: int | None, some: Sequence[Example], clip: Clip) -> str:
    """What `count` pictures will take of disk and time, by the rate of a few that are looked at now; without a count
    what a thousand take."""
    started = time.perf_counter()
    (found,) = look_at([some], clip, MemoryShelf())
    rate = len(some) / (time.perf_counter() - started)
    if not found.new:
        return f"none of the first {len(some)} can be read, such as {next(iter(found.faults.values()))}"
    p, f = next(iter(found.new.values())).shape
    of = 1000 if count is None else count
    what = "of each 1,000 pictures" if count is None else f"of {count:,} pictures"
    return (
        f"features {what}: {p} x {f} each, {space(2 * p * f * of)}, about {hours(of / rate)} "  # fp16
        f"at {rate:.0f} pictures a second"
    )


def space(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 3600 else f"{seconds / 60:.1f} minutes"


def gone(examples: Iterable[Example]) -> dict[str, str]:
    """Why, by id, of those whose file is not there."""
    found = {}
    for example in examples:
        try:
            state_of(example)
        except UnreadableImage as error:
            found[example.id] = str(error)
    return found


class OnlineFeatures:
    """Computed as they are asked for, which training does a batch ahead; those of `kept` are there."""

    def __init__(self, examples: Sequence[Example], clip: Clip, kept: FeatureStore) -> None:
        self.examples = {example.id: example for example in examples}
        self.clip, self.kept, self.skipped = clip, kept, kept.skipped | gone(examples)

    def __getitem__(self, ids: Sequence[str]) -> Tensor:
        if all(name in self.kept.keys for name in ids):
            return self.kept[ids]
        (found,) = look_at([[self.examples[name] for name in ids]], self.clip, MemoryShelf())
        for fault in found.faults.values():
            raise ValueError(f"{fault}; take it out of the data, or type --features DIR, which skips such pictures")
        return torch.from_numpy(np.stack([found.new[seen.key] for seen in found.seen])).float()


def folder_of(typed: str) -> Path | None:
    """The folder of `--features`; None for none and for `online`."""
    return Path(typed) if typed not in ("", ONLINE) else None


def known_ids(typed: str) -> frozenset[str]:
    """Of the examples that need no picture any more."""
    return ids_in(folder_of(typed))
