"""The pictures, the time, the memory and the disk of captioning, told before it begins.

The first block of pictures is captioned for the plan, so the figures are measured. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from captioner.captioning.formats import FORMATS
from captioner.captioning.job import SIGNED, Job, holds_something, refuse_foreign, rows_of, unfinished
from captioner.captioning.journal import Row, Rows, Work, line
from captioner.captioning.worker import Worker
from captioner.data import refuse_empty, rereadable
from captioner.data.blocks import Block
from captioner.features.store import hours, known_ids
from metric.runtime import memory
from metric.storage.disk import free_disk, refuse_full, space

COPIES = 2  # of a caption: in the journal, and in the output
THOUSAND = 1000  # pictures of a plan for an input that cannot be counted


def plan(job: Job) -> Iterator[str]:
    """The lines of the plan of this process's share, of which the last raises ValueError when the disk has no room.

    Raises ValueError for what captioning would refuse: an output of others, or of other settings.
    """
    work = Work(job.out)
    refuse_foreign(work, job)
    if not job.skip_done:
        work.refuse_other(job.settings, unknown=SIGNED)  # no reward is built yet
    counted = rereadable(job.images)
    if counted:
        refuse_empty(job.images, job.split, known_ids(job.source.features))
    with captioned(work, job) as before:
        count, first = ahead(unfinished(job, before, set()), counted)
        yield numbers(job, count if counted else None, len(before))
    if first:
        yield from costs(job, first, count if counted else THOUSAND)


@contextmanager
def captioned(work: Work, job: Job) -> Iterator[Rows]:
    """The captions that are there already: in the work folder, or in an output that --skip-done keeps."""
    kind = FORMATS[job.format]
    if work.begun or not holds_something(job.out, kind):
        yield work.rows()
        return
    with TemporaryDirectory() as folder:
        kept = Work(Path(folder) / job.out.name)
        kept.keep(kind.read(job.out))
        yield kept.rows()


def ahead(blocks: Iterator[Block], counted: bool) -> tuple[int, Block | None]:
    """The number of rows in the blocks, and the first block with pictures. Not `counted`, no more blocks are read."""
    count, first = 0, None
    for block in blocks:
        first = first or (block if block.examples else None)
        count += rows_of(block)
        if first and not counted:
            break
    return count, first


def numbers(job: Job, count: int | None, before: int) -> str:
    """`5 pictures to caption in share 1-of-2, 4 are captioned`."""
    share = f" in share {job.share}" if job.share.count > 1 else ""
    what = "pictures that cannot be counted beforehand" if count is None else f"{count:,} pictures"
    return f"{what} to caption{share}, {before:,} are captioned"


def costs(job: Job, first: Block, count: int) -> Iterator[str]:
    """The time, the memory and the disk of `count` pictures, measured on a block."""
    rows, loading, seconds = measured(job, first)
    rate, skipped = len(rows) / seconds, sum(bool(row.skipped) for row in rows)
    left_out = f", {skipped:,} of which cannot be captioned" if skipped else ""
    yield (
        f"time: about {hours(loading + count / rate)} for {count:,} pictures, {rate:.3g} a second as the first "
        f"{len(rows):,} took{left_out}"
    )
    if most := memory.peak():
        yield f"memory: {space(most)} at most, and {space(memory.resident() + (memory.free() or 0))} can be had"
    if torch.cuda.is_available() and (used := torch.cuda.max_memory_allocated()):
        yield f"memory of the GPU: {space(used)} at most"
    size = COPIES * count * sum(len(line(row).encode("utf-8", "replace")) for row in rows) / len(rows)
    yield f"disk: {space(size)}, and {space(free_disk(job.out))} are free at {job.out}"
    refuse_full("the captions need", size, job.out)


def measured(job: Job, block: Block) -> tuple[list[Row], float, float]:
    """The captions of a block, the seconds of loading with a first pass, and those of a second pass.

    The first pass waits for compilers and for memory.
    """
    began = time.perf_counter()
    worker = Worker(job.source, job.candidates, job.images, job.split)
    list(worker.rows([block]))
    loaded = time.perf_counter()
    (rows,) = worker.rows([block])
    return rows, loaded - began, time.perf_counter() - loaded
