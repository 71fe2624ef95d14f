"""`captioner metric video`: EMScore of captions in a file."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from captioner.data.caption_files import read_captions, some
from captioner.data.reference_files import by_name, find, read_references
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.runtime.device import device_of
from metric.scores.emscore import PARTS, EmScore, both
from metric.storage.atomic_files import write_json
from metric.video import Video, video_file


def score_videos(args: argparse.Namespace) -> None:
    captions = read_captions(args.captions)
    videos = [film(args.videos, name) for name in captions]
    texts = list(captions.values())
    references = references_of(list(captions), args.references) if args.references else []
    metric = EmScore(Embedder(load_clip(args.clip, device_of(args.device))), corpus(texts, references), args.frames)
    scores = {"em_score": metric.with_video(videos, texts)}
    if references:
        scores["ref_em_score"] = both(scores["em_score"], metric.with_references(texts, references))
    means = {name: {part: fmean(each[part] for each in of) for part in PARTS} for name, of in scores.items()}
    show(means, args)
    if args.out:
        per_caption = {name: dict(zip(captions, of)) for name, of in scores.items()}
        record = {"corpus": means, "count": len(texts), "clip": args.clip, "per_caption": per_caption}
        write_json(args.out, record)


def film(folder: Path, name: str) -> Video:
    """The video of an id, which may be a file's name with its ending."""
    place = video_file(folder, name)
    if not place.exists():
        raise ValueError(f"{folder} has no video of {name!r}: neither a folder of frames nor {place.name}")
    return Video(place)


def references_of(names: list[str], path: Path) -> list[tuple[str, ...]]:
    known = by_name(read_references(path, "test"))
    found = [find(name, known) for name in names]
    lost = [name for name, each in zip(names, found) if each is None]
    if lost:
        raise ValueError(f"--references {path} has no references for {some(lost, len(names))} of the captions")
    return [each.references for each in found if each is not None]


def corpus(captions: list[str], references: list[tuple[str, ...]]) -> list[str]:
    """What says which words are rare: the references, else the captions, as in EMScore's code."""
    return list(chain.from_iterable(references)) or captions


def show(means: dict[str, dict[str, float]], args: argparse.Namespace) -> None:
    console = Console(markup=False, highlight=False)
    table = Table("score", *PARTS, box=None)
    for name, of in means.items():
        table.add_row(name, *(f"{of[part]:.4f}" for part in PARTS))
    console.print(table)
    frames = args.frames or "all"
    console.print(f"EMScore (arXiv 2111.08919): no prefix, no scale, {frames} frames, CLIP {args.clip}", soft_wrap=True)
