"""Polaris and Nebula: captions of ten and of modern captioners, rated by many people (CVPR 2024, ACCV 2024).

Polaris, either as it was first published, or as its Hugging Face data set yuwd/Polaris:

    ROOT/polaris_test.csv                 columns mt, refs (a Python list), score, imgid;    ROOT/images/
    ROOT/data/test-*.parquet              columns cand, refs, human_score, img (bytes inside)

Nebula, Ka2ukiMatsuda/Nebula: ROOT/nebula_test.csv as above, or the parquet files with mt, refs, human_score, image.

Two sets of scores of Nebula's test captions are in circulation, and their figures differ by .006 to .008.
    own      the scores of Nebula itself
    spica    those of Spica, hiranohachiman/Spica: ROOT/spica_train.csv, spica_val.csv, spica_test.csv with the columns
             imgid, mt, score. A caption has the mean of its scores there, or its own score where it is not there.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from metric.images import InMemory
from metric.judgement.benchmark import Benchmark, Rated, Ratings, of_ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_csv

PROTOCOL = "the test split, one mean human score a caption; tau-c is the figure usually quoted"
SPICA = ("spica_train.csv", "spica_val.csv", "spica_test.csv")
ABSENT = Path("(no picture in the row)")


def polaris(root: Path) -> Benchmark:
    return load("polaris", root, caption="cand", image="img")


def nebula(root: Path, version: str = "") -> Benchmark:
    benchmark = load("nebula", root, caption="mt", image="image")
    if version != "spica":
        return replace(benchmark, version="own", protocol=f"the scores of Nebula itself, {PROTOCOL}")
    locate(root, "nebula_test.csv")  # parquet has no names of pictures, by which Spica's scores are found
    return corrected(benchmark, spica_scores(root))


def spica_scores(root: Path) -> dict[tuple[str, str], list[float]]:
    """Stem of the picture's file and caption -> the scores of Spica's files."""
    scores: dict[tuple[str, str], list[float]] = {}
    for path in (locate(root, name) for name in SPICA):
        for place, row in read_csv(path, ",", "imgid", "mt", "score"):
            key = Path(row["imgid"]).stem, plain(row["mt"])
            scores.setdefault(key, []).append(rating(place, row["score"]))
    return scores


def corrected(benchmark: Benchmark, scores: dict[tuple[str, str], list[float]]) -> Benchmark:
    """Nebula with the mean of Spica's scores of each caption. The captions that keep their own score are named."""
    verdict = cast(Ratings, benchmark.verdict)
    keys = [(Path(name).stem, item.caption) for name, item in zip(verdict.pictures, benchmark.items)]
    found = tuple(fmean(scores.get(key, [own])) for key, own in zip(keys, verdict.scores))
    kept = [f"{name}: {caption}" for name, caption in keys if (name, caption) not in scores]
    protocol = f"the scores of Spica, {PROTOCOL}"
    return replace(benchmark, version="spica", protocol=protocol, verdict=replace(verdict, scores=found)).noting(
        "not in Spica, judged by its own score", kept
    )


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
            texts(place, row["refs"]),
            plain(row["mt"]),
            rating(place, row["score"]),
        )
        for place, row in read_csv(path, ",", "mt", "refs", "score", "imgid")
    ]


def texts(place: str, written: str) -> tuple[str, ...]:
    """The captions of a list as Python writes it: `['a cat', "a dog's"]`."""
    try:
        captions = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        raise ValueError(f"{place}: refs must be a list of captions, got {written[:80]!r}") from None
    return tuple(plain(str(text)) for text in captions)


def read_parquet(path: Path, caption: str, image: str) -> list[Rated]:
    """The rows of a parquet file of a Hugging Face data set, with the pictures inside."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise ValueError(f"{path} is parquet; pip install 'captioner[hub]'") from None
    columns = [caption, "refs", image, "human_score"]
    missing = [column for column in columns if column not in parquet.read_schema(path).names]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}, got {', '.join(parquet.read_schema(path).names)}")
    rows = parquet.read_table(path, columns=columns).to_pylist()
    return [judged(f"{path}:{number}", row, caption, image) for number, row in enumerate(rows)]


def judged(place: str, row: dict[str, Any], caption: str, image: str) -> Rated:
    content = (row[image] or {}).get("bytes")
    picture = InMemory(place, content) if content else ABSENT
    name = picture.key if isinstance(picture, InMemory) else place
    references = tuple(plain(text) for text in row["refs"])
    return Rated(name, picture, references, plain(row[caption]), rating(place, row["human_score"]))
