"""ActivityNet-FOIL: paragraphs about videos against copies with one mistake (EMScore, Shi et al. 2022).

ROOT/final_right_video_sentences.json, final_foil_video_sentences.json
                                {"results": {video: [{"sentence"}, ...]}}
ROOT/anet_entities_test_1.json  {video: {"duration", "timestamps": [[start, end], ...]}}: when each is said
ROOT/anet_entities_test_2.json  the same with "sentences": the references
ROOT/videos/ID.mp4              or folders of frames ROOT/videos/ID/; needed by scores that look
ROOT/train.json                 {video: {"sentences": [...]}}, for the words' frequency; optional
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Choice, Choices, Item
from metric.judgement.benchmark_files import locate, plain, rating, read_json, with_keys
from metric.video import Video, video_file

OVERLAP = 0.4  # share of a reference's time that a sentence has to cover, as in the authors' code
WORDS = 66  # longer training sentences do not count for the words' frequency, as in the authors' code
PROTOCOL = (
    "a paragraph scores the mean of its sentences, each with its segment of the video and the references of that time; "
    "all frames of a segment (arXiv 2111.08919 and its ActivityNet-FOIL_demo.py)"
)
Span = Sequence[float]


def activitynet(root: Path) -> Benchmark:
    right, wrong = (results(locate(root, f"final_{label}_video_sentences.json")) for label in ("right", "foil"))
    first, second = (read_json(locate(root, f"anet_entities_test_{n}.json"), dict) for n in (1, 2))
    items: list[Item] = []
    pairs, lost = [], []
    for video in right:
        if video not in wrong or video not in first or video not in second:
            lost.append(video)
            continue
        start = len(items)
        for label, sentences in (("right", right[video]), ("foil", wrong[video])):
            items += paragraph(f"{video} {label}", root, video, sentences, first[video], second[video])
        middle = start + len(right[video])
        pairs.append(Choice(tuple(range(start, middle)), tuple(range(middle, len(items)))))
    if not pairs:
        raise ValueError(f"{root}: no video has a right and a foiled paragraph, times and references")
    benchmark = Benchmark("activitynet-foil", PROTOCOL, (tuple(items),), Choices(tuple(pairs)), frames=0)
    benchmark = replace(benchmark, corpus=corpus(root), quoted="accuracy")
    return benchmark.noting("without foil, times or references", lost)


def results(path: Path) -> dict[str, list[str]]:
    """The sentences of each video."""
    videos = with_keys(str(path), read_json(path, dict), ("results",))["results"]
    return {
        video: [plain(with_keys(f"{path} {video}", row, ("sentence",))["sentence"]) for row in rows]
        for video, rows in videos.items()
        if rows
    }


def paragraph(
    name: str, root: Path, video: str, sentences: list[str], times: dict[str, Any], references: dict[str, Any]
) -> list[Item]:
    """An item for each sentence, with its segment of the video."""
    spans = with_keys(name, times, ("timestamps", "duration"))["timestamps"]
    references = with_keys(name, references, ("timestamps", "sentences"))
    length = rating(f"{name}: duration", references.get("duration", times["duration"]))  # the authors take the second
    if len(spans) < len(sentences) or length <= 0:
        raise ValueError(f"{name} has {len(sentences)} sentences, got {len(spans)} timestamps and {length} seconds")
    file = video_file(root / "videos", video)
    return [
        Item(
            Example(f"{name} {number}", Video(file, start, end, length), timely((start, end), references)),
            sentence,
        )
        for number, (sentence, (start, end)) in enumerate(zip(sentences, spans))
    ]


def timely(span: Span, references: dict[str, Any]) -> tuple[str, ...]:
    """The references of a time span, or all references if none is of that time."""
    pairs = list(zip(references["sentences"], references["timestamps"]))
    near = [plain(sentence) for sentence, other in pairs if covered(span, other) > OVERLAP]
    return tuple(near or [plain(sentence) for sentence, _ in pairs])


def covered(span: Span, reference: Span) -> float:
    """Share of the whole seconds of a reference that are in the span too."""
    seconds = range(int(reference[0]), int(reference[1]) + 1)
    return len(set(seconds) & set(range(int(span[0]), int(span[1]) + 1))) / len(seconds)


def corpus(root: Path) -> tuple[str, ...]:
    if not (root / "train.json").is_file():
        return ()
    videos = read_json(root / "train.json", dict).values()
    return tuple(text for row in videos for text in row["sentences"] if len(text.split(" ")) <= WORDS)
