"""Flickr8k-Expert and Flickr8k-CF: captions of one photograph judged on another (Hodosh et al. 2013).

ROOT/ExpertAnnotations.txt         image <tab> image#number <tab> score <tab> score <tab> score     (1 to 4)
ROOT/CrowdFlowerAnnotations.txt    image <tab> image#number <tab> share of yes <tab> yes <tab> no
ROOT/Flickr8k.token.txt            image#number <tab> caption
ROOT/Images/ (or Flicker8k_Dataset/)

Instead of the text files, ROOT/flickr8k.json or crowdflower_flickr8k.json: see `flickr8k_json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Item, Ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_lines
from metric.judgement.benchmarks.flickr8k_json import processed

Row = tuple[str, str, list[float]]  # image, caption's id, scores

EXPERT = (
    "rows whose caption stands among the references of their image left out, each of three expert scores a data point, "
    "all references of the image (arXiv 2104.08718); tau-c is the figure usually quoted"
)
CROWD = (
    "all rows, the score is the share of yes, the references of the image without the captions that are judged on it "
    "(arXiv 2104.08718); tau-b is usually quoted"
)
TOKENS = "Flickr8k.token.txt"
OWN = "judges an image's own caption"
REFERENCE = "references that are judged on their own image"


@dataclass(frozen=True)
class Captions:
    """The captions by id, and the references of each image, as the token file has them."""

    texts: dict[str, str]
    references: dict[str, tuple[str, ...]]

    def has(self, row: Row) -> bool:
        """Whether the caption of a row and references of its image are there."""
        return row[1] in self.texts and row[0] in self.references

    def is_own(self, row: Row) -> bool:
        """Whether the caption of a row stands, by its text, among the references of the image it is judged on."""
        return self.has(row) and self.texts[row[1]] in self.references[row[0]]

    def without(self, rows: Iterable[Row]) -> Captions:
        """The captions whose references lack the caption of each row, one reference a row, for all rows of an image."""
        remaining = {image: [*texts] for image, texts in self.references.items()}
        for image, key, _ in rows:
            if self.texts[key] in remaining[image]:
                remaining[image].remove(self.texts[key])
        return replace(self, references={image: tuple(texts) for image, texts in remaining.items()})


def expert(root: Path) -> Benchmark:
    if only_json(root, "ExpertAnnotations.txt", "flickr8k.json"):
        return processed(root / "flickr8k.json", "flickr8k-expert", EXPERT)
    captions = read_captions(root)
    rows = list(read_rows(locate(root, "ExpertAnnotations.txt"), scores=slice(2, 5), columns=5))
    others = [row for row in rows if not captions.is_own(row)]
    left_out = [named(row) for row in rows if captions.is_own(row)]
    return judged("flickr8k-expert", EXPERT, root, others, captions).noting(OWN, left_out)


def crowd(root: Path) -> Benchmark:
    if only_json(root, "CrowdFlowerAnnotations.txt", "crowdflower_flickr8k.json"):
        benchmark = processed(root / "crowdflower_flickr8k.json", "flickr8k-cf", CROWD)
        return replace(benchmark, quoted="tau_b")
    captions = read_captions(root)
    rows = list(read_rows(locate(root, "CrowdFlowerAnnotations.txt"), scores=slice(2, 3), columns=5))
    on_own_image = [row for row in rows if captions.is_own(row)]
    benchmark = replace(judged("flickr8k-cf", CROWD, root, rows, captions.without(on_own_image)), quoted="tau_b")
    return benchmark.noting(REFERENCE, [named(row) for row in on_own_image])


def only_json(root: Path, annotations: str, processed_file: str) -> bool:
    """Whether the file of CLIPScore's code stands in the place of the annotations."""
    return (root / processed_file).is_file() and not (root / annotations).is_file()


def named(row: Row) -> str:
    return f"{row[0]} {row[1]}"


def read_rows(path: Path, scores: slice, columns: int) -> Iterator[Row]:
    for place, line in read_lines(path):
        cells = line.split("\t")
        if len(cells) != columns:
            raise ValueError(f"{place} has {len(cells)} columns, expected {columns}")
        yield cells[0], cells[1], [rating(place, cell) for cell in cells[scores]]


def judged(name: str, protocol: str, root: Path, rows: list[Row], captions: Captions) -> Benchmark:
    """An item a row. Rows whose caption or references are not in the token file are left out, with their names."""
    complete = [row for row in rows if captions.has(row)]
    if not complete:
        raise ValueError(f"{root}: no row of {name} judges a caption of {TOKENS}; expected both files of Flickr8k")
    pictures = Pictures.below(root, "Images", "Flicker8k_Dataset", "images")
    items = tuple(
        Item(Example(named(row), pictures(row[0]), captions.references[row[0]]), captions.texts[row[1]])
        for row in complete
    )
    points = [(number, score, row[0]) for number, row in enumerate(complete) for score in row[2]]
    verdict = Ratings(*(tuple(column) for column in zip(*points)))
    lost = [named(row) for row in rows if not captions.has(row)]
    return Benchmark(name, protocol, (items,), verdict).noting(f"not in {TOKENS}", lost)


def read_captions(root: Path) -> Captions:
    pairs = [line.partition("\t") for _, line in read_lines(locate(root, TOKENS))]
    texts = {key: plain(caption) for key, _, caption in pairs}
    references: dict[str, tuple[str, ...]] = {}
    for key, caption in texts.items():
        image = key.partition("#")[0]
        references[image] = (*references.get(image, ()), caption)
    return Captions(texts, references)
