"""Features of a data set into a folder, which training and captioning then read without its pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from captioner.data import parts, rereadable, split_names
from captioner.data.blocks import Block, blocks
from captioner.data.inspection.inspect_data import WHOLE
from captioner.features.shelf import DiskShelf
from captioner.features.store import SHARD, TOGETHER, fill, plan
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example
from metric.runtime.work_share import Share


@dataclass(frozen=True)
class Job:
    """What one process is asked for."""

    data: str
    splits: tuple[str, ...]
    """none for all there are"""
    clip: str
    out: Path
    share: Share
    device: str

    @property
    def name(self) -> str:
        """Of its lines on the screen."""
        return f"{self.out} ({self.share})" if self.share.count > 1 else str(self.out)

    def blocks(self) -> Iterator[Block]:
        """Of one split after the other, cut alike however many processes there are."""
        names = self.splits or split_names(self.data) or (WHOLE,)
        return chain.from_iterable(blocks(parts(self.data, name), SHARD, self.share, self.data) for name in names)


def keep(job: Job, only_plan: bool) -> bool:
    """Says what is ahead, computes this process's share of what OUT lacks; True if no picture was skipped."""
    if rereadable(job.data):
        next(job.blocks(), None)  # a misspelt input is told before OUT is made
    clip = load_clip(job.clip, job.device)
    shelf = DiskShelf(job.out, clip)
    count, todo, few = ahead(job, shelf)
    for line in told(job, count, todo, few, clip):
        print(line, flush=True)
    if only_plan:
        return True
    skipped: dict[str, str] = {}
    made = 0
    with tqdm(total=count, desc="features", unit="picture", disable=None) as bar:
        for found in fill(examples(job.blocks(), skipped), clip, shelf):
            skipped |= found.faults
            made += len(found.new)
            bar.update(len(found.seen) + len(found.faults))
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}")
    print(f"{job.name}: {made:,} pictures computed, {len(shelf.places):,} are there, {len(skipped):,} skipped")
    return not skipped


def told(job: Job, count: int | None, todo: int | None, few: Sequence[Example], clip: Clip) -> Iterator[str]:
    """What is ahead, in lines."""
    if todo != count:
        yield f"{job.name}: {(count or 0) - (todo or 0):,} of {count:,} pictures are there already"
    if few:
        room = shutil.disk_usage(job.out).free / 1e9
        yield f"{job.name}: {plan(todo, few, clip)}; {room:.1f} GB of room"


def ahead(job: Job, shelf: DiskShelf) -> tuple[int | None, int | None, list[Example]]:
    """How many pictures there are and how many of them are to be computed, None where the input can be read only
    once; and the first of them."""
    count, todo = 0, 0
    few: list[Example] = []
    for block in job.blocks():
        lacking = [example for example in block.examples if not shelf.at_hand(example)]
        count, todo = count + len(block.examples), todo + len(lacking)
        few += lacking[: TOGETHER - len(few)]
        if few and not rereadable(job.data):
            return None, None, few
    return count, todo, few


def examples(source: Iterator[Block], skipped: dict[str, str]) -> Iterator[Sequence[Example]]:
    """Those of each block; what an adapter left out is noted."""
    for block in source:
        skipped |= {left.id: left.reason for left in block.left_out if left.what != "caption"}
        yield block.examples
