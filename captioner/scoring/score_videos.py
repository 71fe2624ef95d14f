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
    out: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Print EMScore of the captions in a file, and write it with each caption's to `out` as JSON.

    `videos` is a folder of files ID.mp4 or of folders of frames; `frames` of each are looked at, 0 for all.
    -> score -> its part (`metric.scores.emscore.PARTS`) -> mean. Raises ValueError for videos or references that
    are missing.
    """
    by_id = read_captions(captions)
    films, texts = [film(videos, name) for name in by_id], list(by_id.values())
    known = references_of(list(by_id), references) if references else []
    metric = EmScore(Embedder(load_clip(clip, device_of(device))), corpus(texts, known), frames)
    scores = {"em_score": metric.with_video(films, texts)}
    if known:
        scores["ref_em_score"] = both(scores["em_score"], metric.with_references(texts, known))
    means = {name: {part: fmean(row[part] for row in rows) for part in PARTS} for name, rows in scores.items()}
    show(means, f"{frames or 'all'} frames, CLIP {clip}")
    if out:
        per_caption = {name: dict(zip(by_id, rows)) for name, rows in scores.items()}
        write_json(out, {"corpus": means, "count": len(texts), "clip": clip, "per_caption": per_caption})
    return means


def film(folder: Path, name: str) -> Video:
    """The video of an id, which may be a file's name with its ending. Raises ValueError without a video."""
    place = video_file(folder, name)
    if not place.exists():
        raise ValueError(f"{folder} has no video of {name!r}: neither a folder of frames nor {place.name}")
    return Video(place)


def references_of(names: list[str], path: Path) -> list[tuple[str, ...]]:
    known = by_name(read_references(path, "test"))
    videos = [find(name, known) for name in names]
    lost = [name for name, each in zip(names, videos) if each is None]
    if lost:
        raise ValueError(f"--references {path} has no references for {share_of_ids(lost, len(names))} of the captions")
    return [each.references for each in videos if each is not None]


def corpus(captions: list[str], references: list[tuple[str, ...]]) -> list[str]:
    """The texts in which rare words are counted: the references, else the captions, as in EMScore's code."""
    return list(chain.from_iterable(references)) or captions


def show(means: dict[str, dict[str, float]], computed: str) -> None:
    """A row a score, a column a part, and a line that says how they were `computed`."""
    console = Console(markup=False, highlight=False)
    table = Table("score", *PARTS, box=None)
    for name, mean in means.items():
        table.add_row(name, *(f"{mean[part]:.4f}" for part in PARTS))
    console.print(table)
    console.print(f"EMScore (arXiv 2111.08919): no prefix, no scale, {computed}", soft_wrap=True)
