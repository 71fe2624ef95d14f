"""`captioner metric video`: EMScore of captions in a file."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from captioner.data.caption_files import read_captions, share_of_ids
from captioner.data.reference_files import by_name, find, read_references
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.runtime.device import device_of
from metric.scores.clip_families import described
from metric.scores.emscore import PARTS, EmScore, both
from metric.storage.atomic_files import write_json
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
    by_id = read_captions(captions)
    films, texts = [film(videos, name) for name in by_id], list(by_id.values())
    reference_texts = references_of(list(by_id), references) if references else []
    embedder = Embedder(load_clip(clip, device_of(device)), precision=precision)
    metric = EmScore(embedder, corpus(texts, reference_texts), frames)
    scores = {"em_score": metric.with_video(films, texts)}
    if reference_texts:
        scores["ref_em_score"] = both(scores["em_score"], metric.with_references(texts, reference_texts))
    means = {name: {part: fmean(row[part] for row in rows) for part in PARTS} for name, rows in scores.items()}
    show(means, f"{frames or 'all'} frames, {described(embedder)}")
    if out:
        per_caption = {name: dict(zip(by_id, rows)) for name, rows in scores.items()}
        write_json(
            out,
            {"corpus": means, "count": len(texts), "clip": clip, "precision": precision, "per_caption": per_caption},
        )
    return means


def film(folder: Path, name: str) -> Video:
    """The video of an id, which may be a file's name with its ending. Raises ValueError without a video."""
    place = video_file(folder, name)
    if not place.exists():
        raise ValueError(f"{folder} has no video of {name!r}; expected {place.name} or a folder of frames")
    return Video(place)


def references_of(names: list[str], path: Path) -> list[tuple[str, ...]]:
    index = by_name(read_references(path, "test"))
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
