"""Captions a data set of any size, in one or several calls, processes and machines.

Captions of finished blocks are appended to a journal in OUT.work. The process that finishes last writes OUT.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from captioner.captioning.formats import FORMATS, Format, refuse_sidecars
from captioner.captioning.journal import KEPT, Row, Rows, Work, line, part_of
from captioner.captioning.summary import summary
from captioner.captioning.worker import Worker
from captioner.data import Part, parts, refuse_empty, rereadable
from captioner.data.blank_captions import tell_blank
from captioner.data.blocks import Block, blocks
from captioner.features.shelf import is_same
from captioner.features.store import known_ids
from captioner.runs.reached import tell_unfinished
from captioner.runs.signature import said
from captioner.sources.candidate_file import report_unused
from captioner.sources.own import OwnSource
from captioner.sources.protocol import LACKING, CaptionSource
from captioner.sources.settings import CandidateSettings
from metric.example import Example, UnreadableImage, open_image
from metric.runtime.console import tell
from metric.runtime.progress import Progress
from metric.runtime.work_share import WHOLE, Share
from metric.scores.grammar import known_checker
from metric.storage.ledger import Ledger, beside, kept, report, report_all

SIGNED = "reward_signatures"  # of the rewards that choose captions, in the settings of an output


@dataclass(frozen=True)
class Job:
    """The work of one process."""

    source: CaptionSource
    images: str
    split: str
    out: Path
    format: str
    candidates: CandidateSettings
    batch_size: int = 64
    share: Share = WHOLE
    skip_done: bool = False
    checker: str = "auto"
    workers: int = 0
    """workers of Ray; 0 captions in this process"""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all captions of an output share."""
        generation = said(asdict(self.candidates))
        lists = {
            name: list(value) for name, value in generation.items() if isinstance(value, tuple)
        }  # as JSON has them
        place = {"images": self.images, "split": self.split, "format": self.format}
        return place | self.source.settings | generation | lists

    @cached_property
    def parts(self) -> list[Part]:
        return parts(self.images, self.split, known_ids(self.source.features))

    def blocks(self) -> Iterator[Block]:
        return blocks(self.parts, self.batch_size, self.share, self.images)


def caption(job: Job) -> bool:
    """Captions the rest of this process's share. Returns True if no picture was left out.

    Raises ValueError when OUT exists without a work folder, or when the work folder has other settings.
    """
    if job.share.speaks and isinstance(job.source, OwnSource):
        tell_unfinished(job.source.name)
    caption_blocks, settings = captioners(job)
    work = Work(job.out)
    refuse_foreign(work, job)
    if rereadable(job.images):  # a misspelt input must not leave a work folder
        refuse_empty(job.images, job.split, known_ids(job.source.features))
        if job.format == "txt":
            refuse_sidecars(
                job.out, (example.id for part in job.parts for example in part() if isinstance(example, Example))
            )
    job.out.parent.mkdir(parents=True, exist_ok=True)
    with work.locked():
        begin(work, job, settings)
    before, new, changed = work.rows(), 0, set[str]()
    done = partial(is_done, before, FORMATS[job.format].done_as)
    try:
        with work.journal(job.share) as file, progress_of(job, len(before)) as progress:
            for rows in caption_blocks(unfinished(job, before, changed)):
                rows = [
                    replace(row, anew=row.id in changed, made=time.time_ns())
                    for row in rows
                    if row.id in changed or not done(row.id, row.order)
                ]
                file.writelines(map(line, rows))
                file.flush()
                new += sum(bool(row.captions) for row in rows)
                progress.advance(sum(row.kind == "picture" for row in rows))
            work.marker(job.share).touch()
    except KeyboardInterrupt:
        total = len(work.rows())
        raise KeyboardInterrupt(
            f"{total:,} pictures are captioned in {work.folder}; the same command goes on"
        ) from None
    if changed:
        tell([f"{some('picture', changed)} changed since an earlier call; captioned anew"])
    with work.locked():
        lacking = work.lacking(job.share.count)
        if lacking:
            print(f"{job.out}: {job.share} has made {new} captions; still to finish: {', '.join(lacking)}")
            return not work.rows().skipped_pictures
        return write(work, new, job.checker)


def captioners(job: Job) -> tuple[Callable[[Iterator[Block]], Iterator[list[Row]]], dict[str, Any]]:
    """The function that captions blocks, in this process or with the workers of Ray, and the settings of the job.

    The settings have the signatures of the rewards, which hold the weights of their models.
    """
    whose = job.source, job.candidates, job.images, job.split
    worker = Worker(*whose) if job.candidates.rewards or not job.workers else None
    reward = worker.reward if worker else None
    settings = job.settings | ({SIGNED: [*reward.signatures.values()]} if reward else {})
    if worker and not job.workers:
        return worker.rows, settings
    from captioner.captioning.ray_engine import on_ray

    return partial(on_ray, *whose, job.workers), settings


def refuse_foreign(work: Work, job: Job) -> None:
    """Raises ValueError when OUT exists without a work folder, so that its captions are not overwritten."""
    if not work.begun and not job.skip_done and holds_something(job.out, FORMATS[job.format]):
        raise ValueError(
            f"{job.out} exists, but its work folder {work.folder.name} does not; give another --out, "
            "or type --skip-done to keep its captions and add the missing ones"
        )


def begin(work: Work, job: Job, settings: Mapping[str, Any]) -> None:
    """Opens the work folder of an earlier call, or makes one with the captions that OUT has already."""
    kind = FORMATS[job.format]
    if not work.begun and holds_something(job.out, kind):
        work.keep(kind.read(job.out))
    work.begin(settings, job.skip_done)


def holds_something(out: Path, kind: Format) -> bool:
    """Whether OUT has captions of that format."""
    return any(out.rglob("*.txt" if kind.done_as is not str else "*.tar")) if kind.folder else out.exists()


def unfinished(job: Job, before: Rows, changed: set[str]) -> Iterator[Block]:
    """The blocks that are not finished. The ids of pictures that changed since their caption are added to `changed`.

    A block is captioned as a whole, because a smaller batch could round differently. A block whose missing pictures
    still cannot be read is finished.
    """
    done = partial(is_done, before, FORMATS[job.format].done_as)
    for block in job.blocks():
        missing = [example for example in block.examples if not done(example.id, block.order)]
        others = {example.id for example in block.examples if is_other(before, example)}
        changed |= others
        recorded = all(item.id in before.skipped or item.kind == "caption" for item in block.left_out)
        skipped = all(example.id in before.skipped for example in missing)
        again = [example for example in missing if before.skipped.get(example.id) != LACKING]
        if others or not recorded or (again and not (skipped and not any(map(readable, again)))):
            yield block


def is_done(before: Rows, done_as: Callable[[str], str], id: str, order: int) -> bool:
    """Whether the picture `id` has a caption.

    A caption of another shard's picture with the same id does not count: the merge reports such pairs.
    """
    captioned = next((name for name in (id, done_as(id)) if name in before), None)
    return captioned is not None and before.part(captioned) in (KEPT, part_of(order))


def is_other(before: Rows, example: Example) -> bool:
    """Whether the caption of an earlier call is of another picture than the one that the example has now."""
    picture = before[example.id].picture if example.id in before else []
    return bool(picture) and not is_same(example, *picture)


def readable(example: Example) -> bool:
    """Whether a picture can be read now, after an earlier call skipped it."""
    try:
        open_image(example.image)
    except UnreadableImage:
        return False
    return True


def rows_of(block: Block) -> int:
    """The number of pictures of a block, with those that are left out."""
    return len(block.examples) + sum(item.kind == "picture" for item in block.left_out)


def progress_of(job: Job, done: int) -> Progress:
    """The progress in pictures. It shows the time left when the pictures can be counted beforehand."""
    total = sum(map(rows_of, job.blocks())) if rereadable(job.images) else None
    initial = min(done, total) if total is not None and job.share.count == 1 else 0
    return Progress("captions of picture", total, initial, shown=job.share.speaks)


def merge(out: Path, checker: str) -> bool:
    """Writes OUT from the journals of earlier processes. Returns True if no picture was left out.

    Raises ValueError when a process has not finished.
    """
    known_checker(checker)
    work = Work(out)
    work.settings()
    with work.locked():
        work.refuse_unfinished()
        return write(work, len(work.rows().written()), checker)


def write(work: Work, new: int, checker: str) -> bool:
    """Writes OUT and the ledger of pictures that were left out, and prints the summary. Returns True if none was."""
    settings, rows = work.settings(), work.rows()
    if rows.twice:
        raise ValueError(
            f"{settings['images']} has one id in two of its shards, {len(rows.twice)} times, such as "
            f"{sorted(rows.twice)[0]!r}; give each picture its own id, and another --out"
        )
    if not rows and not rows.skipped:
        raise ValueError(f"{settings['images']} has no picture of the split {settings['split']!r}")
    examples = partial(pictures, settings["images"], settings["split"])
    if new < len(rows) and rereadable(settings["images"]):  # an earlier call may have met other pictures
        if gone := rows.sort(example.id for example in examples()):
            tell([f"{settings['images']} has no longer the pictures of {some('caption', gone)}, kept at the end"])
    written = rows.written()
    FORMATS[settings["format"]].write(work.out, written, examples)
    with kept(beside(work.out)):
        report_all(settings["images"], rows.skipped_pictures)
        for kind in dict.fromkeys(rows.others.values()):
            of_kind = {name: rows.skipped[name] for name in rows.others if rows.others[name] == kind}
            report_all(settings["images"], of_kind, kind)
        report_under(rows, settings)
        tell_blank(str(work.out), rows.blank)
        if "from" in settings:
            captioned = (
                examples() if rereadable(settings["images"]) else (Example(name, Path()) for name in rows.places)
            )
            used = (example for example in captioned if example.id in rows)
            report_unused(Path(settings["from"]), settings.get("named_by", ""), settings["images"], used)
    print("\n".join(summary(written, new, checker, settings)), flush=True)
    return not rows.skipped_pictures


def report_under(rows: Rows, settings: Mapping[str, Any]) -> None:
    """Reports the captions that were left out for their reward."""
    found = Ledger()
    for name, number in rows.under.items():
        for _ in range(number):
            found.add(settings["images"], "caption", name, f"its reward is under {settings['least_score']:g}")
    report(found)


def some(kind: str, names: set[str]) -> str:
    """`2 captions (the first a.jpg)`."""
    return f"{len(names):,} {kind}{'s' * (len(names) > 1)} (the first {min(names)})"


def pictures(images: str, split: str) -> Iterable[Example]:
    """All examples of the input, in its order."""
    return (example for part in parts(images, split) for example in part() if isinstance(example, Example))
