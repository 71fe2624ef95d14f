"""The pictures, the time, the memory and the disk of captioning, told before it begins.

The first block of pictures is captioned for the plan, so the figures are measured. Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from captioner.captioning.job import Job, refuse_foreign, rows_of, unfinished
from captioner.captioning.journal import Row, Work, line
from captioner.captioning.worker import Worker
from captioner.data import refuse_empty, rereadable
from captioner.data.blocks import Block
from captioner.features.store import hours, known_ids, space
from metric.runtime import memory
from metric.storage.disk import free_disk

COPIES = 2  # of a caption: in the journal, and in the output


def plan(job: Job) -> Iterator[str]:
    """The lines of the plan, of which the last raises ValueError when the captions have no room on the disk."""
    work = Work(job.out)
    refuse_foreign(work, job)
    counted = rereadable(job.images)
    if counted:
        refuse_empty(job.images, job.split, known_ids(job.source.features))
    before = work.rows()
    count, first = ahead(unfinished(job, before, set()), counted)
    if first is None:
        yield f"all {len(before):,} pictures are captioned"
        return
    number = f"{count:,} pictures" if counted else "pictures that cannot be counted beforehand"
    yield f"{number} to caption, {len(before):,} are captioned"
    rows, loading, seconds = measured(job, first)
    yield times(count if counted else 1000, len(rows), loading, seconds, sum(bool(row.skipped) for row in rows))
    if most := memory.peak():
        yield f"memory: {space(most)} at most, and {space(memory.resident() + (memory.free() or 0))} can be had"
    size = COPIES * count * sum(len(line(row).encode("utf-8", "replace")) for row in rows) / len(rows)
    room = free_disk(job.out)
    if counted:
        yield f"disk: {space(size)}, and {space(room)} are free at {job.out}"
    if size > room:
        raise ValueError(
            f"the captions need {space(size)} of disk, and {space(room)} are free at {job.out}; make room, or type "
            "another --out"
        )


def ahead(blocks: Iterator[Block], counted: bool) -> tuple[int, Block | None]:
    """The number of rows in the blocks, and the first block with pictures. Not `counted`, no more blocks are read."""
    count, first = 0, None
    for block in blocks:
        first = first or (block if block.examples else None)
        count += rows_of(block)
        if first and not counted:
            break
    return count, first


def measured(job: Job, block: Block) -> tuple[list[Row], float, float]:
    """The captions of a block, the seconds of loading, and those of captioning."""
    began = time.perf_counter()
    worker = Worker(job.source, job.candidates, job.images, job.split)
    loaded = time.perf_counter()
    (rows,) = worker.rows([block])
    return rows, loaded - began, time.perf_counter() - loaded


def times(count: int, sample: int, loading: float, seconds: float, skipped: int) -> str:
    """`time: about 2.0 minutes of 8,091 pictures at 67 pictures a second, ...`."""
    rate = sample / seconds
    left_out = f", {skipped} of which cannot be captioned" if skipped else ""
    return (
        f"time: about {hours(loading + count / rate)} for {count:,} pictures at {rate:.0f} pictures a second, as the "
        f"first {sample:,} took{left_out}"
    )
