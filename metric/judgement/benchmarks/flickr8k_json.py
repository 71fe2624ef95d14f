"""Flickr8k's judgements as CLIPScore's code writes them and PAC-S hands them on, with its protocol applied already.

ROOT/flickr8k.json, ROOT/crowdflower_flickr8k.json
    {image: {"image_path", "ground_truth": [caption, ...], "human_judgement": [{"caption", "rating"}, ...]}}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Item, Ratings
from metric.judgement.benchmark_files import Pictures, plain, read_json, with_keys

KEYS = ("image_path", "ground_truth", "human_judgement")
FOLDERS = ("Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "images")


def processed(path: Path, name: str, protocol: str) -> Benchmark:
    """An item for each caption of an image, a data point for each of its ratings. Ratings that are NaN are named."""
    pictures = Pictures.below(path.parent, *FOLDERS)
    items: list[Item] = []
    points: list[tuple[int, float, str]] = []
    undefined = []
    for image, row in read_json(path, dict).items():
        row = with_keys(f"{path} {image}", row, KEYS)
        references = tuple(plain(text) for text in row["ground_truth"])
        file = pictures(Path(row["image_path"]).name)
        for caption, ratings in by_caption(f"{path} {image}", row["human_judgement"]):
            undefined += [f"{image}: {caption}" for rating in ratings if math.isnan(rating)]
            points += [(len(items), rating, image) for rating in ratings if not math.isnan(rating)]
            items.append(Item(Example(f"{image} {len(items)}", file, references), caption))
    if not points:
        raise ValueError(f"{path} has no rating; expected the file as CLIPScore's code writes it")
    verdict = Ratings(*(tuple(column) for column in zip(*points)))
    return Benchmark(name, protocol, (tuple(items),), verdict).noting("without a rating", undefined)


def by_caption(place: str, judgements: list[Any]) -> Iterator[tuple[str, list[float]]]:
    """Each caption of an image with its ratings. Raises ValueError for a judgement that lacks one of both."""
    ratings: dict[str, list[float]] = {}
    for judgement in judgements:
        row = with_keys(place, judgement, ("caption", "rating"))
        if not isinstance(row["rating"], (int, float)):
            raise ValueError(f"{place}: a rating must be a number, got {row['rating']!r}")
        ratings.setdefault(plain(row["caption"]), []).append(float(row["rating"]))
    yield from ratings.items()
