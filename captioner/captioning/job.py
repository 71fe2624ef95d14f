"""Captions for a data set that need not fit in memory, nor in one run, process or machine.

Blocks of pictures are captioned and appended to a journal in OUT.work; whoever finds all of them done writes OUT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from captioner.captioning.candidates import Wanted
from captioner.captioning.formats import FORMATS, Format
from captioner.captioning.journal import KEPT, Row, Rows, Work, line, part_of
from captioner.captioning.summary import summary, write_skipped
from captioner.captioning.worker import ModelSource, Worker
from captioner.data import Part, parts, rereadable
from captioner.data.blocks import Block, blocks
from captioner.features.store import known_ids
from metric.example import Example, UnreadableImage, open_image
from metric.runtime.work_share import WHOLE, Share


@dataclass(frozen=True)
class Job:
    """What one process is asked for."""

    model: ModelSource
    images: str
    split: str
    out: Path
    format: str
    wanted: Wanted
    batch_size: int = 64
    share: Share = WHOLE
    skip_done: bool = False
    checker: str = "auto"
    workers: int = 0
    """of Ray; 0 captions here"""

    @property
    def settings(self) -> dict[str, Any]:
        """What all captions of an output have in common."""
        made = asdict(self.wanted) | {"rewards": list(self.wanted.rewards)}
        source = {"images": self.images, "split": self.split, "format": self.format}
        return source | {"model": self.model.fingerprint} | made

    @cached_property
    def parts(self) -> list[Part]:
        return parts(self.images, self.split, known_ids(self.model.features))

    def blocks(self) -> Iterator[Block]:
        return blocks(self.parts, self.batch_size, self.share, self.images)


def caption(job: Job) -> bool:
    """Captions what is left of this process's share; True if no picture was skipped."""
    source = captioners(job)
    work = Work(job.out)
    refuse_foreign(work, job)
    if rereadable(job.images):  # else a misspelt input would own the work folder
        next(iter(job.parts[0]()), None)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    with work.locked():
        begin(work, job)
    before, new = work.rows(), 0
    done = partial(is_done, before, FORMATS[job.format].done_as)
    with work.journal(job.share) as file, bar(job, len(before)) as progress:
        for rows in source(left(job, before)):
            rows = [row for row in rows if not done(row.id, row.order)]
            file.writelines(map(line, rows))
            file.flush()
            new += sum(not row.skipped for row in rows)
            progress.update(len(rows))
        work.marker(job.share).touch()
    with work.locked():
        lacking = work.lacking(job.share.count)
        if lacking:
            print(f"{job.out}: {new} captions of {job.share} made; it is written after {', '.join(lacking)}")
            return not work.rows().skipped
        return write(work, new, job.checker)


def captioners(job: Job) -> Callable[[Iterator[Block]], Iterator[list[Row]]]:
    """Blocks -> rows of each, here or by the workers of Ray."""
    if job.workers:
        from captioner.captioning.ray_engine import on_ray

        return partial(on_ray, job.model, job.wanted, job.images, job.split, job.workers)
    return Worker(job.model, job.wanted, job.images, job.split).rows


def refuse_foreign(work: Work, job: Job) -> None:
    """Captions that an earlier call of ours has not made are not to be lost."""
    if not work.begun and not job.skip_done and holds_something(job.out, FORMATS[job.format]):
        raise ValueError(
            f"{job.out} is there already without {work.folder.name} to go on from; give another --out, "
            "or type --skip-done to keep its captions and add what it lacks"
        )


def begin(work: Work, job: Job) -> None:
    """A new work folder, with the captions that OUT has already, or that of an earlier call."""
    kind = FORMATS[job.format]
    if not work.begun and holds_something(job.out, kind):
        work.keep(kind.read(job.out))
    work.begin(job.settings, job.skip_done)


def holds_something(out: Path, kind: Format) -> bool:
    return any(out.rglob("*.txt" if kind.done_as is not str else "*.tar")) if kind.folder else out.exists()


def left(job: Job, before: Rows) -> Iterator[Block]:
    """Blocks in which a picture or a reason is missing: whole, so that what is captioned again is so as before."""
    done = partial(is_done, before, FORMATS[job.format].done_as)
    for block in job.blocks():
        missing = [example for example in block.examples if not done(example.id, block.order)]
        told = all(each.id in before.skipped or each.what == "caption" for each in block.left_out)
        again = all(example.id in before.skipped for example in missing)
        if not told or (missing and not (again and not any(map(readable, missing)))):
            yield block


def is_done(before: Rows, done_as: Callable[[str], str], id: str, order: int) -> bool:
    """Whether there is a caption of that id, and not of another part's picture: the merge is to find both."""
    known = next((name for name in (id, done_as(id)) if name in before), None)
    return known is not None and before.part(known) in (KEPT, part_of(order))


def readable(example: Example) -> bool:
    """Whether a picture that was skipped before has been mended."""
    try:
        open_image(example.image)
    except UnreadableImage:
        return False
    return True


def bar(job: Job, done: int) -> tqdm:
    """Pictures, their rate, and the time left where they can be counted beforehand."""
    total = sum(len(block.examples) for block in job.blocks()) if rereadable(job.images) else None
    initial = min(done, total) if total is not None and job.share.count == 1 else 0
    return tqdm(total=total, initial=initial, desc="captions", unit="picture", disable=None)


def merge(out: Path, checker: str) -> bool:
    """Writes OUT from what the processes of an earlier call, perhaps of other machines, have made."""
    work = Work(out)
    work.settings()
    with work.locked():
        work.refuse_unfinished()
        return write(work, len(work.rows()), checker)


def write(work: Work, new: int, checker: str) -> bool:
    settings, rows = work.settings(), work.rows()
    if rows.twice:
        raise ValueError(
            f"{settings['images']} has pictures of one id in two of its shards, {len(rows.twice)} times, such as "
            f"{sorted(rows.twice)[0]!r}; give each picture its own id, and another --out"
        )
    if not rows and not rows.skipped:
        raise ValueError(f"{settings['images']} has no picture of the split {settings['split']!r}")
    FORMATS[settings["format"]].write(work.out, rows, partial(pictures, settings["images"], settings["split"]))
    write_skipped(work.out.with_name(work.out.name + ".skipped.txt"), rows.skipped)
    told = summary(rows, new, checker)
    print(f"{work.out}: " + "\n".join(told))
    return not rows.skipped


def pictures(images: str, split: str) -> Iterable[Example]:
    return (each for part in parts(images, split) for each in part() if isinstance(each, Example))
