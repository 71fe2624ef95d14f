"""Polaris and Nebula: captions of ten and of modern captioners, rated by many people (CVPR 2024, ACCV 2024).

Polaris, either as it was first published, or as its Hugging Face data set yuwd/Polaris:

    ROOT/polaris_test.csv                 columns mt, refs (a Python list), score, imgid;    ROOT/images/
    ROOT/data/test-*.parquet              columns cand, refs, human_score, img (bytes inside)

Nebula, Ka2ukiMatsuda/Nebula: ROOT/nebula_test.csv as above, or the parquet files with mt, refs, human_score, image.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from metric.images import InMemory
from metric.judgement.benchmark import Benchmark, Rated, of_ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_csv

PROTOCOL = "the test split, one mean human score a caption; tau-c is the figure usually quoted"
ABSENT = Path("(no picture in the row)")


def polaris(root: Path) -> Benchmark:
    return load("polaris", root, caption="cand", image="img")


def nebula(root: Path) -> Benchmark:
    return load("nebula", root, caption="mt", image="image")


def load(name: str, root: Path, caption: str, image: str) -> Benchmark:
    if (root / f"{name}_test.csv").is_file():
        return of_ratings(name, PROTOCOL, read_table(root / f"{name}_test.csv", Pictures.below(root, "images")))
    files = sorted([*root.glob("data/test-*.parquet"), *root.glob("test-*.parquet")])
    if not files:
        locate(root, f"{name}_test.csv", "data/test-*.parquet")
    return of_ratings(name, PROTOCOL, [row for file in files for row in read_parquet(file, caption, image)])


def read_table(path: Path, pictures: Pictures) -> list[Rated]:
    """The rows of a CSV file of Polos."""
    return [
        Rated(
            row["imgid"],
            pictures(row["imgid"]),
            texts(where, row["refs"]),
            plain(row["mt"]),
            rating(where, row["score"]),
        )
        for where, row in read_csv(path, ",", "mt", "refs", "score", "imgid")
    ]


def texts(where: str, written: str) -> tuple[str, ...]:
    """The captions of a list as Python writes it: `['a cat', "a dog's"]`."""
    try:
        texts = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        raise ValueError(f"{where}: refs is a list of captions, got {written[:80]!r}") from None
    return tuple(plain(str(text)) for text in texts)


def read_parquet(path: Path, caption: str, image: str) -> list[Rated]:
    """The rows of a parquet file of a Hugging Face data set, with the pictures inside."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise ValueError(f"{path} is parquet: pip install 'captioner[hub]'") from None
    columns = [caption, "refs", image, "human_score"]
    missing = [column for column in columns if column not in parquet.read_schema(path).names]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(parquet.read_schema(path).names)}"
        )
    rows = parquet.read_table(path, columns=columns).to_pylist()
    return [judged(f"{path}:{number}", row, caption, image) for number, row in enumerate(rows)]


def judged(where: str, row: dict[str, Any], caption: str, image: str) -> Rated:
    content = (row[image] or {}).get("bytes")
    picture = InMemory(where, content) if content else ABSENT
    name = picture.key if isinstance(picture, InMemory) else where
    references = tuple(plain(text) for text in row["refs"])
    return Rated(name, picture, references, plain(row[caption]), rating(where, row["human_score"]))
