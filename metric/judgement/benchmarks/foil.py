"""FOIL: COCO's captions against copies with one wrong noun (Shekhar et al. 2017).

ROOT/foilv1.0_test_2017.json      {"images": [{"id", "file_name"}],
                                   "annotations": [{"id", "image_id", "caption", "foil": true or false}]}
ROOT/captions_val2014.json        COCO's captions: the references
ROOT/val2014/ (or images/)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Choice, Choices, Item
from metric.judgement.benchmark_files import Pictures, coco_references, locate, plain, read_json, with_keys

FILE = "foilv1.0_test_2017.json"
PROTOCOL = "every foil against its own right caption, which is no reference (arXiv 2104.08718)"


def foil(root: Path) -> Benchmark:
    path = locate(root, FILE)
    content = with_keys(str(path), read_json(path, dict), ("images", "annotations"))
    files = [with_keys(str(path), row, ("id", "file_name")) for row in content["images"]]
    names = {row["id"]: row["file_name"] for row in files}
    rows = [with_keys(str(path), row, ("id", "image_id", "caption", "foil")) for row in content["annotations"]]
    right = {row["id"]: row for row in rows if not row["foil"]}
    wrong = [row for row in rows if row["foil"]]
    references = coco_references(locate(root, "captions_val2014.json"))
    pictures = Pictures.below(root, "val2014", "images")

    items: list[Item] = []
    pairs, lost = [], []
    for row in wrong:
        image = row["image_id"]
        if row["id"] not in right or image not in references or image not in names:
            lost.append(f"annotation {row['id']} of image {image}")
            continue
        truth = plain(right[row["id"]]["caption"])
        others = tuple(text for text in references[image] if text != truth)
        pairs.append(Choice((len(items),), (len(items) + 1,), picture=str(image)))
        items += [
            item(caption, len(items) + place, names[image], pictures, others)
            for place, caption in enumerate((truth, plain(row["caption"])))
        ]
    if not pairs:
        raise ValueError(f"{path} has no foil with its right caption and references")
    benchmark = Benchmark("foil", PROTOCOL, (tuple(items),), Choices(tuple(pairs), ties="half"), quoted="accuracy")
    return benchmark.noting("without right caption, picture or references", lost)


def item(caption: str, number: int, name: Any, pictures: Pictures, references: tuple[str, ...]) -> Item:
    return Item(Example(f"{name} {number}", pictures(name), references), caption)
