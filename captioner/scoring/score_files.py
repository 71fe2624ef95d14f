"""`captioner score`: scores and intervals of captions in files, with references from files or data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from captioner.data import DATA
from captioner.data.caption_files import read_captions, share_of_ids
from captioner.data.reference_files import (
    NamedPicture,
    NameIndex,
    by_name,
    read_pictures,
    read_references,
    with_images,
)
from captioner.scoring.match_ids import PARTIAL, matched
from captioner.scoring.terminal_tables import show, show_differences
from metric.evaluation import evaluate
from metric.example import Example
from metric.readable import picture_faults
from metric.scores.bootstrap import Difference, difference, interval, resample
from metric.scores.catalogue import request
from metric.scores.result import Scores, write_csv
from metric.spec import split_specs
from metric.storage.atomic_files import write_json
from metric.storage.ledger import report_all

SEED = 0  # of the bootstrap: one command, one interval
PICTURES = {"clip", "pac_s", "pac", "pac_hard"}  # sources of scores that look at pictures


@dataclass(frozen=True)
class ScoreJob:
    """The captions to score, their references and the scores. A field is a flag of `captioner score`."""

    captions: Sequence[Path]
    """files that `read_captions` reads; several are compared in pairs"""
    references: str = ""
    """a file of references or the name of a data set; empty: scores that need none"""
    images: str = ""
    """folder of the pictures, for CLIP-S and PAC-S"""
    split: str = "test"
    scores: str = "all"
    """scores and families with commas between them, with options as in `pac_spp:checkpoint=DIR`"""
    partial: bool = False
    """score the pictures that have captions, references and a picture file, and leave the rest aside"""
    bootstrap: int = 1000
    """resamples of the pictures, 0 for no intervals"""
    device: str = "auto"
    precision: str = "fp32"
    """of the CLIPs: fp32, bf16 or fp16"""
    out: Path | None = None
    """JSON file of the scores"""
    per_caption: Path | None = None
    """CSV file of the scores of each caption"""


def score(job: ScoreJob) -> dict[str, Scores]:
    """Print the scores of each file and write them where the job says. -> scores by the file's title.

    Raises ValueError for files that cannot be read or matched, and for scores that cannot be computed from them.
    """
    refuse_overwriting(job)
    scored = evaluated(job)
    drawn = resampled(scored, job.bootstrap)
    scored = {title: replace(scores, intervals=intervals(drawn[title])) for title, scores in scored.items()}
    pairs = {(one, two): compared(scored, drawn, one, two) for one, two in combinations(scored, 2)}
    show(scored)
    for (one, two), differences in pairs.items():
        show_differences(one, two, differences)
    if job.out:
        write_json(job.out, record(scored, pairs))
    if job.per_caption:
        save_per_caption(job.per_caption, scored)
    return scored


def refuse_overwriting(job: ScoreJob) -> None:
    """Raises ValueError for an output that is a folder, an input of the job, or the other output."""
    taken = {Path(path).resolve(): flag for flag, paths in inputs(job).items() for path in paths}
    for flag, path in (("--out", job.out), ("--per-caption", job.per_caption)):
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{flag} {path} is a folder, expected a file; type {flag} {path / 'scores.json'}")
        if other := taken.setdefault(path.resolve(), ""):
            raise ValueError(f"{flag} {path} is what {other} names too, and would be lost; give another {flag}")
        taken[path.resolve()] = flag


def inputs(job: ScoreJob) -> dict[str, Sequence[Path]]:
    """Flag -> the files that are read."""
    return {"--captions": job.captions, "--references": [Path(job.references)] if job.references else []}


def evaluated(job: ScoreJob) -> dict[str, Scores]:
    """File's title -> scores. The facts have the number of captions that were left aside."""
    specs = split_specs(job.scores)
    looks = bool(request(specs).options.keys() & PICTURES)
    if looks and not (job.images or job.references.partition(":")[0] in DATA):
        raise ValueError(f"--scores {job.scores} compares captions with pictures; type --images DIR")
    files, pictures = read_files(job)
    captions, examples, aside = matched(files, pictures, job.references, job.partial)
    if looks:
        captions, examples = seen(captions, examples, job)
    device = device_for(job.device) if looks else "cpu"
    scored = {
        title: evaluate(texts, examples, specs, device=device, precision=job.precision)
        for title, texts in captions.items()
    }
    for scores in scored.values():
        refuse_nothing(job.scores, scores)
        scores.facts.update(aside)
    return scored


def refuse_nothing(asked: str, scores: Scores) -> None:
    """Raises ValueError, with the reason, when none of the scores could be computed."""
    if not scores.corpus:
        name, reason = next(iter(scores.skipped.items()), (asked, "nothing was asked for"))
        raise ValueError(f"--scores {asked}: no score can be computed; {name}: {reason}")


def seen(
    captions: Mapping[str, Mapping[str, str]], examples: Sequence[Example], job: ScoreJob
) -> tuple[dict[str, dict[str, str]], list[Example]]:
    """The captions and examples whose picture can be read. Raises ValueError for another picture without --partial."""
    source = job.images or job.references
    faults = picture_faults([example.image for example in examples])
    lost = {example.id: faults[example.image] for example in examples if example.image in faults}
    if lost and not (job.partial and len(lost) < len(examples)):
        why = next(iter(lost.values()))
        raise ValueError(f"{source} has no readable picture of {share_of_ids(lost, len(examples))}: {why}; {PARTIAL}")
    report_all(source, lost)
    found = [example for example in examples if example.id not in lost]
    return {
        title: {id: text for id, text in texts.items() if id not in lost} for title, texts in captions.items()
    }, found


def device_for(name: str) -> str:
    from metric.runtime.device import device_of  # torch takes seconds, which most scores do not need

    return str(device_of(name))


def titles(paths: Sequence[Path]) -> list[str]:
    """Titles of files in tables: the names of the files, or their paths where two names are equal.

    Raises ValueError for a file that is given twice.
    """
    if len(set(paths)) < len(paths):
        raise ValueError(f"--captions has a file twice, got {' '.join(map(str, paths))}; give each file once")
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else list(map(str, paths))


def read_files(job: ScoreJob) -> tuple[dict[str, dict[str, str]], list[NamedPicture]]:
    """The captions of each file by its title, and the pictures of --references with images of --images.

    Without --references, the pictures are those of the first file of captions.
    """
    names = titles(job.captions)
    first = {} if job.references else {names[0]: read_captions(job.captions[0], images_of(job))}
    entries = (
        [NamedPicture((name,)) for name in first[names[0]]] if first else read_references(job.references, job.split)
    )
    index = by_name(entries)
    others = {name: read_captions(path, index) for name, path in zip(names, job.captions) if name not in first}
    return first | others, with_files(entries, job)


def images_of(job: ScoreJob) -> NameIndex | None:
    return by_name(read_pictures(job.images, job.split)) if job.images else None


def with_files(entries: list[NamedPicture], job: ScoreJob) -> list[NamedPicture]:
    """The pictures with images of --images. Raises ValueError for a picture without one, unless --partial is typed."""
    images = images_of(job)
    if images is None:
        return entries
    entries = with_images(entries, images)
    lost = [entry.names[0] for entry in entries if entry.image == Path()]
    if lost and not job.partial:
        raise ValueError(f"--images {job.images} has no picture of {share_of_ids(lost, len(entries))}; {PARTIAL}")
    report_all(job.images, dict.fromkeys(lost, "it is not there"))
    return [entry for entry in entries if entry.image != Path()]


def resampled(scored: Mapping[str, Scores], resamples: int) -> dict[str, dict[str, np.ndarray]]:
    """Title -> score -> values on resamples of the pictures, the same for all files. 0 resamples give no values."""
    if resamples < 0:
        raise ValueError(f"--bootstrap must be a number of resamples, 0 for none, got {resamples}")
    pooled = {(title, name): sums for title in scored for name, sums in scored[title].statistics().items()}
    drawn = resample(pooled, resamples, np.random.default_rng(SEED)) if resamples else {}
    return {title: {name: values for (file, name), values in drawn.items() if file == title} for title in scored}


def intervals(drawn: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    return {name: interval(values) for name, values in drawn.items()}


def compared(
    scored: Mapping[str, Scores], drawn: Mapping[str, Mapping[str, np.ndarray]], one: str, two: str
) -> dict[str, Difference]:
    """Score -> second minus first, for the scores that both files have."""
    before, after = scored[one].corpus, scored[two].corpus
    names = [name for name in before if name in drawn[one] and name in drawn[two]]
    return {name: difference(before[name], after[name], drawn[two][name] - drawn[one][name]) for name in names}


def record(
    scored: Mapping[str, Scores], pairs: Mapping[tuple[str, str], Mapping[str, Difference]]
) -> dict[str, object]:
    """The content of --out: the scores of one file, or those of several files with the differences of pairs."""
    if len(scored) == 1:
        return next(iter(scored.values())).record()
    return {
        "captions": {title: scores.record() for title, scores in scored.items()},
        "differences": [
            {"first": one, "second": two, "scores": {name: value._asdict() for name, value in differences.items()}}
            for (one, two), differences in pairs.items()
        ],
    }


def save_per_caption(path: Path, scored: Mapping[str, Scores]) -> None:
    """Write a line a caption. With several files the column `captions` has the title of the file."""
    if len(scored) == 1:
        return next(iter(scored.values())).save_per_caption(path)
    names = next(iter(scored.values())).per_caption
    rows = [[row[0], title, *row[1:]] for title, scores in scored.items() for row in scores.rows()]
    write_csv(path, ["id", "captions", *names], rows)
