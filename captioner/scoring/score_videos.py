"""`captioner metric video`: EMScore of captions in a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from captioner.data.caption_files import read_captions, share_of_ids
from captioner.data.reference_files import NameIndex, by_name, find, read_references
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.runtime.device import device_of
from metric.runtime.progress import watched
from metric.scores.clip_families import described
from metric.scores.emscore import PARTS, EmScore, both
from metric.storage.atomic_files import write_json
from metric.storage.ledger import report_all
from metric.video import FRAMES, Video, video_file


def score_videos(
    captions: Path,
    videos: Path,
    references: Path | None = None,
    clip: str = "scenes-clip",
    frames: int = FRAMES,
    device: str = "auto",
    precision: str = "fp32",
    out: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Print the mean EMScore of the captions in a file, and write it with the score of each caption to `out` as JSON.

    `videos` is a folder of files ID.mp4 or of folders of frames. `frames` is the number of frames used of a video, 0
    for all.
    -> score -> its part (`metric.scores.emscore.PARTS`) -> mean. Raises ValueError for videos or references that
    are missing.
    """
    index = by_name(read_references(references, "test")) if references else None
    by_id = read_captions(captions, index)
    references_by_id = dict(zip(by_id, references_of(list(by_id), index, references))) if index else {}
    words = corpus(list(by_id.values()), [*references_by_id.values()])
    embedder = Embedder(load_clip(clip, device_of(device)), precision=precision)
    metric = EmScore(embedder, words, frames)
    films = seen(metric, videos, by_id)
    by_id = {name: by_id[name] for name in films}
    texts, reference_texts = list(by_id.values()), [references_by_id[name] for name in films if references]
    scores = {"em_score": metric.with_video(list(films.values()), texts)}
    if reference_texts:
        scores["ref_em_score"] = both(scores["em_score"], metric.with_references(texts, reference_texts))
    means = {name: {part: fmean(row[part] for row in rows) for part in PARTS} for name, rows in scores.items()}
    show(means, f"{frames or 'all'} frames, {described(embedder)}")
    facts = {"empty": fact} if (fact := empty_fact(texts)) else {}
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    if out:
        record = {"corpus": means, "count": len(texts), "clip": clip, "precision": precision, "facts": facts}
        write_json(out, record | {"per_caption": {name: dict(zip(by_id, rows)) for name, rows in scores.items()}})
    return means


def seen(metric: EmScore, folder: Path, captions: Mapping[str, str]) -> dict[str, Video]:
    """Id -> video, for the captions whose video is there and can be read. The others are reported.

    Raises ValueError when no caption has a video. Each video is decoded once, since `metric` keeps its frames.
    """
    films: dict[str, Video] = {}
    faults: dict[str, str] = {}
    for name in watched(list(captions), "frames of video", part=True):
        try:
            films[name] = film(folder, name)
            metric.look(films[name])
        except (ValueError, OSError) as error:
            films.pop(name, None)
            faults[name] = str(error)
    if not films:
        raise ValueError(f"{folder} has no video that can be read of {len(captions)} captions: {[*faults.values()][0]}")
    report_all(str(folder), faults, "video")
    return films


def film(folder: Path, name: str) -> Video:
    """The video of an id, which may be a file's name with its ending. Raises ValueError without a video."""
    place = video_file(folder, name)
    if not place.exists():
        raise ValueError(f"there is no {place.name} and no folder of frames of that name")
    return Video(place)


def empty_fact(captions: Collection[str]) -> str:
    """How many captions are empty, which EMScore scores as any other text; "" for none."""
    count = sum(not text.strip() for text in captions)
    return f"{count} of {len(captions)} captions are empty, and scored as such" if count else ""


def references_of(names: list[str], index: NameIndex, path: Path | None) -> list[tuple[str, ...]]:
    entries = [find(name, index) for name in names]
    lost = [name for name, entry in zip(names, entries) if entry is None]
    if lost:
        raise ValueError(f"--references {path} has no references for {share_of_ids(lost, len(names))} of the captions")
    return [entry.references for entry in entries if entry is not None]


def corpus(captions: list[str], references: list[tuple[str, ...]]) -> list[str]:
    """The texts in which rare words are counted: the references, else the captions, as in EMScore's code."""
    return list(chain.from_iterable(references)) or captions


def show(means: dict[str, dict[str, float]], computed: str) -> None:
    """Print a row a score, a column a part, and a line with the settings, `computed`."""
    console = Console(markup=False, highlight=False)
    table = Table("score", *PARTS, box=None)
    for name, mean in means.items():
        table.add_row(name, *(f"{mean[part]:.4f}" for part in PARTS))
    console.print(table)
    console.print(f"EMScore (arXiv 2111.08919): no prefix, no scale, {computed}", soft_wrap=True)
