"""Flickr8k-Expert and Flickr8k-CF: captions of one photograph judged on another (Hodosh et al. 2013).

ROOT/ExpertAnnotations.txt         image <tab> image#number <tab> score <tab> score <tab> score     (1 to 4)
ROOT/CrowdFlowerAnnotations.txt    image <tab> image#number <tab> share of yes <tab> yes <tab> no
ROOT/Flickr8k.token.txt            image#number <tab> caption
ROOT/Images/ (or Flicker8k_Dataset/)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Item, Ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_lines

Row = tuple[str, str, list[float]]  # image, caption's id, scores

EXPERT = (
    "rows judging an image's own caption left out, each of three expert scores a data point, all references of the "
    "image (arXiv 2104.08718); tau-c is the figure usually quoted"
)
CROWD = (
    "all rows, the score is the share of yes, all references of the image (arXiv 2104.08718); tau-b is usually quoted"
)
TOKENS = "Flickr8k.token.txt"
OWN = "judges an image's own caption"


def expert(root: Path) -> Benchmark:
    rows = list(read_rows(locate(root, "ExpertAnnotations.txt"), scores=slice(2, 5), columns=5))
    foreign = [row for row in rows if not is_own(row)]
    return judged("flickr8k-expert", EXPERT, root, foreign).noting(OWN, [named(row) for row in rows if is_own(row)])


def crowd(root: Path) -> Benchmark:
    rows = list(read_rows(locate(root, "CrowdFlowerAnnotations.txt"), scores=slice(2, 3), columns=5))
    return judged("flickr8k-cf", CROWD, root, rows)


def named(row: Row) -> str:
    return f"{row[0]} {row[1]}"


def is_own(row: Row) -> bool:
    return row[0] == row[1].partition("#")[0]


def read_rows(path: Path, scores: slice, columns: int) -> Iterator[Row]:
    for place, line in read_lines(path):
        cells = line.split("\t")
        if len(cells) != columns:
            raise ValueError(f"{place} has {len(cells)} columns, expected {columns}")
        yield cells[0], cells[1], [rating(place, cell) for cell in cells[scores]]


def judged(name: str, protocol: str, root: Path, rows: list[Row]) -> Benchmark:
    """An item a row. Rows whose caption or references are not in the token file are left out, with their names."""
    captions = read_captions(root)
    references: dict[str, list[str]] = {}
    for key, caption in captions.items():
        references.setdefault(key.partition("#")[0], []).append(caption)
    complete = [row for row in rows if row[1] in captions and row[0] in references]
    pictures = Pictures.below(root, "Images", "Flicker8k_Dataset", "images")
    items = tuple(
        Item(Example(named(row), pictures(row[0]), tuple(references[row[0]])), captions[row[1]]) for row in complete
    )
    points = [(number, score, row[0]) for number, row in enumerate(complete) for score in row[2]]
    verdict = Ratings(*(tuple(column) for column in zip(*points)))
    lost = [named(row) for row in rows if row[1] not in captions or row[0] not in references]
    return Benchmark(name, protocol, (items,), verdict).noting(f"not in {TOKENS}", lost)


def read_captions(root: Path) -> dict[str, str]:
    """`image#number` -> caption."""
    pairs = [line.partition("\t") for _, line in read_lines(locate(root, TOKENS))]
    return {key: plain(caption) for key, _, caption in pairs}
