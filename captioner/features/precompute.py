"""Writes the features of a data set into a folder. Training and captioning then need no pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from captioner.data import parts, refuse_empty, rereadable, split_names
from captioner.data.blocks import Block, blocks
from captioner.data.inspection.inspect_data import WHOLE
from captioner.features.shelf import DiskShelf
from captioner.features.store import SHARD, TOGETHER, fill, plan, reasons
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example
from metric.runtime.progress import Progress
from metric.runtime.work_share import Share
from metric.storage.disk import free_disk, space
from metric.storage.ledger import report_all


@dataclass(frozen=True)
class Job:
    """The work of one process."""

    data: str
    splits: tuple[str, ...]
    """empty takes all splits of the data set"""
    clip: str
    out: Path
    share: Share
    device: str

    @property
    def name(self) -> str:
        """The name in the lines on the screen."""
        return f"{self.out} ({self.share})" if self.share.count > 1 else str(self.out)

    @property
    def names(self) -> list[str]:
        """The splits to compute."""
        return [*(self.splits or split_names(self.data) or (WHOLE,))]

    def blocks(self) -> Iterator[Block]:
        """The blocks of this process, split by split. The blocks are the same for any number of processes."""
        return chain.from_iterable(blocks(parts(self.data, name), SHARD, self.share, self.data) for name in self.names)


def keep(job: Job, only_plan: bool) -> bool:
    """Prints the plan, and computes this process's share of the features that OUT lacks.

    Returns whether a picture has captions. With `only_plan`, nothing is computed.
    """
    if rereadable(job.data):
        for name in job.names:  # a misspelt input must not leave a folder OUT
            refuse_empty(job.data, name)
    clip = load_clip(job.clip, job.device)
    shelf = DiskShelf(job.out, clip)
    count, todo, few = ahead(job, shelf)
    captioned = any(example.references for example in few)
    for line in plan_lines(job, count, todo, few, clip):
        print(line, flush=True)
    if only_plan:
        return captioned
    skipped: dict[str, str] = {}
    computed = 0
    try:
        with Progress("features of picture", count, shown=job.share.speaks) as progress:
            for looked in fill(examples(job.blocks(), skipped), clip, shelf):
                skipped |= reasons(looked.faults, looked.examples)
                computed += len(looked.new)
                captioned |= any(example.references for example in looked.examples)
                progress.advance(len(looked.entries) + len(looked.faults))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{len(shelf.places):,} pictures are in {job.out}; the same command goes on") from None
    report_all(job.data, skipped)
    print(f"{job.name}: {computed:,} pictures computed, {len(shelf.places):,} in the folder, {len(skipped):,} left out")
    return captioned


def plan_lines(job: Job, count: int | None, todo: int | None, few: Sequence[Example], clip: Clip) -> Iterator[str]:
    """The lines of the plan: finished pictures, and the disk space and the time that the others need."""
    if todo != count:
        yield f"{job.name}: {(count or 0) - (todo or 0):,} of {count:,} pictures are finished"
    if few:
        yield f"{job.name}: {plan(todo, few, clip, job.out)}; {space(free_disk(job.out))} are free"


def ahead(job: Job, shelf: DiskShelf) -> tuple[int | None, int | None, list[Example]]:
    """Returns the number of pictures, the number still to compute, and the first of those.

    Both numbers are None when the input can be read only once.
    """
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
    """Yields the examples of each block, and records pictures that an adapter left out."""
    for block in source:
        skipped |= {item.id: item.reason for item in block.left_out if item.kind != "caption"}
        yield block.examples
