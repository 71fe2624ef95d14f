"""Composite: captions by people and two machines for Flickr8k, Flickr30k and COCO (Aditya et al. 2015).

    ROOT/8k_correctness.csv 30k_correctness.csv coco_correctness.csv
    ROOT/8k_throughness.csv 30k_throughness.csv coco_throughness.csv    (for the version `ratings`; so spelt)
        AMT's tables: `;` between columns Input.image_url, Input.text1.., Answer.Q1Answer.. (1 to 5)
    ROOT/Flickr8k.token.txt results_20130124.token    references: image#number <tab> caption
    ROOT/captions_val2014.json                        COCO's captions
    ROOT/images/ (or Flicker8k_Dataset/, flickr30k-images/, val2014/)

Instead of the tables, ROOT/en_test_composite_da.csv as Polos has it: columns mt, refs, score, imgid.

Versions of the protocol. The tables have three captions a picture of Flickr8k and four of the others.
    12k            correctness of the first three captions, 11,985 with all files (jmhessel/clipscore issue 13, which
                   gives the number and not which three)
    correctness    correctness of every caption
    ratings        correctness and thoroughness of every caption (the authors of PAC-S, aimagelab/pacscore issue 5)
    polos          the table of Polos
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from metric.judgement.benchmark import Benchmark, Rated, of_ratings
from metric.judgement.benchmark_files import Pictures, coco_references, locate, plain, rating, read_csv, read_lines
from metric.judgement.benchmarks.polaris import read_table

SOURCES = ("8k", "30k", "coco")
FOLDERS = ("images", "Flicker8k_Dataset", "Images", "flickr30k-images", "val2014")
POLOS = ("en_test_composite_da.csv", "en_test_composite_da2.csv")
OWN = "a reference that is the caption itself left out (arXiv 2104.08718)"
RULES = {
    "12k": f"correctness of the first three captions of each picture, {OWN}",
    "correctness": f"correctness of every caption of the tables, {OWN}",
    "ratings": f"correctness and thoroughness of every caption of the tables, a data point each, {OWN}",
    "polos": "the table of Polos",
}
MOST = {"12k": 3}  # captions of a picture; 4 in the other versions


def composite(root: Path, version: str = "") -> Benchmark:
    """The version `version`, or for "" the table of Polos where it stands alone, else 12k."""
    pictures = Pictures.below(root, *FOLDERS)
    polos = [name for name in POLOS if (root / name).is_file()]
    alone = bool(polos) and not (root / "8k_correctness.csv").is_file()
    version = version or ("polos" if alone else "12k")
    if version == "polos":
        table = locate(root, *(polos or POLOS))
        return replace(of_ratings("composite", RULES["polos"], read_table(table, pictures)), version=version)
    references = all_references(root)
    rows, lost, empty = [], [], []
    for table in tables(root, version):
        for place, row in read_csv(table, ";", "Input.image_url", "Input.text1", "Answer.Q1Answer"):
            name = (row["Input.image_url"] or "").rpartition("/")[2]
            stem = name.partition(".")[0]
            if not name:
                empty.append(place)
            elif stem not in references:
                lost.append(f"{place} {name}")
            else:
                rows += list(judged(place, row, name, pictures(name), references[stem], MOST.get(version, 4)))
    benchmark = replace(of_ratings("composite", RULES[version], rows), version=version)
    return benchmark.noting("without a picture", empty).noting("without references", lost)


def tables(root: Path, version: str) -> list[Path]:
    """The tables of a version: of correctness, and of thoroughness for `ratings`. Raises ValueError for a lost one."""
    correct = [locate(root, f"{source}_correctness.csv") for source in SOURCES]
    if version != "ratings":
        return correct
    return correct + [locate(root, f"{source}_throughness.csv", f"{source}_thoroughness.csv") for source in SOURCES]


def judged(
    place: str, row: Mapping[str, str], name: str, image: Path, references: tuple[str, ...], most: int
) -> Iterator[Rated]:
    """The first `most` captions of one row of a table."""
    for number in range(1, most + 1):
        caption, answer = row.get(f"Input.text{number}"), row.get(f"Answer.Q{number}Answer")
        if caption and answer:
            others = tuple(reference for reference in references if reference != plain(caption))
            yield Rated(name, image, others, plain(caption), rating(place, answer))


def all_references(root: Path) -> dict[str, tuple[str, ...]]:
    """File name without ending -> references, for all three data sets."""
    by_name: dict[str, list[str]] = {}
    for file in ("Flickr8k.token.txt", "results_20130124.token"):
        for _, line in read_lines(locate(root, file)):
            key, _, caption = line.partition("\t")
            by_name.setdefault(key.partition("#")[0].partition(".")[0], []).append(plain(caption))
    coco = coco_references(locate(root, "captions_val2014.json"))
    return {name: tuple(texts) for name, texts in by_name.items()} | {
        f"COCO_val2014_{image:012d}": texts for image, texts in coco.items()
    }
