"""Composite: captions by people and two machines for Flickr8k, Flickr30k and COCO (Aditya et al. 2015).

    ROOT/8k_correctness.csv 30k_correctness.csv coco_correctness.csv
        AMT's tables: `;` between columns Input.image_url, Input.text1.., Answer.Q1Answer.. (1 to 5)
    ROOT/Flickr8k.token.txt results_20130124.token    references: image#number <tab> caption
    ROOT/captions_val2014.json                        COCO's captions
    ROOT/images/ (or Flicker8k_Dataset/, flickr30k-images/, val2014/)

Instead of the three tables, ROOT/en_test_composite_da.csv as Polos has it: columns mt, refs, score, imgid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from metric.judgement.benchmark import Benchmark, Rated, of_ratings
from metric.judgement.benchmark_files import Pictures, coco_references, locate, plain, rating, read_csv, read_lines
from metric.judgement.benchmarks.polaris import read_table

TABLES = ("8k_correctness.csv", "30k_correctness.csv", "coco_correctness.csv")
FOLDERS = ("images", "Flicker8k_Dataset", "Images", "flickr30k-images", "val2014")
POLOS = ("en_test_composite_da.csv", "en_test_composite_da2.csv")
PROTOCOL = (
    "correctness, every caption of the tables, a reference that is the caption itself left out (arXiv 2104.08718)"
)
MOST = 4  # captions a row; Flickr8k has three


def composite(root: Path) -> Benchmark:
    pictures = Pictures.below(root, *FOLDERS)
    tables = [name for name in POLOS if (root / name).is_file()]
    if tables:
        return of_ratings("composite", "the table of Polos", read_table(root / tables[0], pictures))
    references = all_references(root)
    rows, lost, empty = [], [], []
    for table in TABLES:
        for where, row in read_csv(locate(root, table), ";", "Input.image_url", "Input.text1", "Answer.Q1Answer"):
            name = (row["Input.image_url"] or "").rpartition("/")[2]
            stem = name.partition(".")[0]
            if not name:
                empty.append(where)
            elif stem not in references:
                lost.append(f"{where} {name}")
            else:
                rows += list(judged(where, row, name, pictures(name), references[stem]))
    benchmark = of_ratings("composite", PROTOCOL, rows)
    return benchmark.noting("without a picture", empty).noting("without references", lost)


def judged(where: str, row: Mapping[str, str], name: str, image: Path, references: tuple[str, ...]) -> Iterator[Rated]:
    """The captions of one row of a table."""
    for number in range(1, MOST + 1):
        caption, answer = row.get(f"Input.text{number}"), row.get(f"Answer.Q{number}Answer")
        if caption and answer:
            others = tuple(reference for reference in references if reference != plain(caption))
            yield Rated(name, image, others, plain(caption), rating(where, answer))


def all_references(root: Path) -> dict[str, tuple[str, ...]]:
    """File name without ending -> references, for all three data sets."""
    captions: dict[str, list[str]] = {}
    for file in ("Flickr8k.token.txt", "results_20130124.token"):
        for _, line in read_lines(locate(root, file)):
            key, _, caption = line.partition("\t")
            captions.setdefault(key.partition("#")[0].partition(".")[0], []).append(plain(caption))
    coco = coco_references(locate(root, "captions_val2014.json"))
    return {name: tuple(texts) for name, texts in captions.items()} | {
        f"COCO_val2014_{image:012d}": texts for image, texts in coco.items()
    }
