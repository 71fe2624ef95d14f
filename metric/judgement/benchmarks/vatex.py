"""VATEX-EVAL: six captions a video, rated by three people each (EMScore, Shi et al. 2022).

ROOT/candidates_list.pkl     array or list of captions
ROOT/gts_list.pkl            for each caption its nine references; the paper uses none, one or nine of them
ROOT/human_scores.pkl        array of 3 x captions numbers, rater after rater
ROOT/video_ids.pkl           for each caption its video
ROOT/videos/ID.mp4           or folders of frames ROOT/videos/ID/; needed by scores that look
ROOT/vatex_train_en_annotations.json   {video: [caption, ...]}, for the words' frequency; optional
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Item, Raters, Ratings
from metric.judgement.benchmark_files import locate, plain, read_json
from metric.judgement.safe_pickle import unpickle
from metric.video import Video, video_file

RATERS = 3
DECIMALS = 4  # of the scores that the authors' code ranks
PROTOCOL = (
    f"tau-b and Spearman with each of three raters, averaged over them, scores rounded to {DECIMALS} decimals "
    "(arXiv 2111.08919 and its utils.py)"
)
CORPUS = "vatex_train_en_annotations.json"


def vatex(root: Path) -> Benchmark:
    captions = [plain(str(text)) for text in column(root, "candidates_list.pkl")]
    references = [tuple(plain(str(text)) for text in texts) for texts in column(root, "gts_list.pkl")]
    videos = [str(name) for name in column(root, "video_ids.pkl")]
    scores = np.asarray(column(root, "human_scores.pkl"), dtype=float).reshape(-1)
    n = len(captions)
    if not n == len(references) == len(videos) == len(scores) / RATERS:
        raise ValueError(
            f"{root}: {n} captions, {len(references)} lists of references, {len(videos)} videos, {len(scores)} scores "
            f"where {RATERS} a caption were expected"
        )
    items = tuple(
        Item(Example(f"{video} {number}", Video(video_file(root / "videos", video)), texts), caption)
        for number, (video, texts, caption) in enumerate(zip(videos, references, captions))
    )
    ratings = (
        Ratings(tuple(range(n)), tuple(of_rater), tuple(videos)) for of_rater in scores.reshape(RATERS, n).tolist()
    )
    verdict = Raters(tuple(ratings), DECIMALS)
    return Benchmark("vatex-eval", PROTOCOL, (items,), verdict, corpus=corpus(root), quoted="tau_b")


def column(root: Path, file: str) -> list[Any]:
    content = unpickle(locate(root, file))
    if not isinstance(content, (list, tuple, np.ndarray)):
        raise ValueError(f"{root / file} holds a {type(content).__name__}, expected a list or an array")
    return content.tolist() if isinstance(content, np.ndarray) else list(content)


def corpus(root: Path) -> tuple[str, ...]:
    if not (root / CORPUS).is_file():
        return ()
    return tuple(chain.from_iterable(read_json(root / CORPUS, dict).values()))
