"""Pascal-50S: votes on which of two captions is nearer to a reference of the picture (Vedantam et al. 2015).

    ROOT/pair_pascal.mat         new_input: 4,000 of (image, caption, caption); category: 1 HC, 2 HI, 3 HM, 4 MM
    ROOT/consensus_pascal.mat    triplets: 48 a pair of (reference, caption, caption, vote), vote 1 for the first, -1
    ROOT/images/ (or VOC2010/JPEGImages/, JPEGImages/)

The files may be in ROOT/pyCIDErConsensus/, as the archive has them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from metric.example import Example
from metric.judgement.benchmark import Benchmark, Choice, Choices, Item
from metric.judgement.benchmark_files import Pictures, locate, plain

KINDS = {1: "hc", 2: "hi", 3: "hm", 4: "mm"}
VOTES, REFERENCES, DRAWS = 48, 5, 5
PROTOCOL = (
    f"the majority of {VOTES} votes, ties broken by lot; {REFERENCES} of {VOTES} references, mean over {DRAWS} draws; "
    "mean of the four categories (arXiv 2104.08718)"
)


def pascal50s(root: Path) -> Benchmark:
    pairs = read_mat(root, "pair_pascal.mat", "new_input", "category")
    triplets = read_mat(root, "consensus_pascal.mat", "triplets")["triplets"].ravel()
    rows = [[text(cell) for cell in row] for row in pairs["new_input"].ravel()]
    kinds = [KINDS.get(int(number), "") for number in pairs["category"].ravel()]
    if not all(kinds):
        raise ValueError(f"{root}: a category must be one of {', '.join(map(str, KINDS))}, got another")
    if len(triplets) != VOTES * len(rows) or len(kinds) != len(rows):
        raise ValueError(f"{root}: expected {VOTES * len(rows)} triplets for {len(rows)} pairs, got {len(triplets)}")
    votes = [list(map(read_vote, triplets[n * VOTES : (n + 1) * VOTES])) for n in range(len(rows))]
    rng = random.Random(0)
    labels = [first_is_better(row, of_pair, rng) for row, of_pair in zip(rows, votes)]
    pairs_of = tuple(choice(n, *pair) for n, pair in enumerate(zip(labels, kinds, (row[0] for row in rows))))
    references = [[reference for reference, _ in of_pair] for of_pair in votes]
    pictures = Pictures.below(root, "images", "VOC2010/JPEGImages", "JPEGImages")
    rounds = [tuple(items(rows, references, pictures, random.Random(draw))) for draw in range(DRAWS)]
    return Benchmark("pascal-50s", PROTOCOL, tuple(rounds), Choices(pairs_of, ties="half"), quoted="accuracy")


def read_mat(root: Path, file: str, *names: str) -> dict[str, np.ndarray]:
    path = locate(root, file, f"pyCIDErConsensus/{file}")
    try:
        content = loadmat(path)
    except (ValueError, OSError, NotImplementedError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a .mat file: {error}") from None
    missing = [name for name in names if name not in content]
    if missing:
        raise ValueError(f"{path} has no {', '.join(missing)}")
    return content


def read_vote(triplet: Any) -> tuple[str, str]:
    """The reference, and the caption that the vote prefers."""
    reference, first, second, vote = triplet
    return text(reference), text(first if int(np.ravel(vote)[0]) == 1 else second)


def text(cell: Any) -> str:
    """The value inside nested arrays, which MATLAB's cells become."""
    while isinstance(cell, np.ndarray):
        cell = cell.ravel()[0]
    return plain(str(cell))


def first_is_better(row: list[str], votes: list[tuple[str, str]], rng: random.Random) -> bool:
    """Whether most votes prefer the first caption. Every pair draws a random number, so that ties do not interact."""
    lot = rng.random() - 0.5
    chosen = [preferred for _, preferred in votes]
    return chosen.count(row[1]) > chosen.count(row[2]) + lot


def choice(number: int, first: bool, kind: str, picture: str) -> Choice:
    better, worse = (2 * number, 2 * number + 1) if first else (2 * number + 1, 2 * number)
    return Choice((better,), (worse,), kind, picture)


def items(rows: list[list[str]], references: list[list[str]], pictures: Pictures, rng: random.Random) -> Iterator[Item]:
    """The items of both captions of each pair, with the same random references."""
    for number, (row, sentences) in enumerate(zip(rows, references)):
        drawn = tuple(rng.sample(sentences, REFERENCES))
        for place, caption in enumerate(row[1:3]):
            yield Item(Example(f"{row[0]} {number}.{place}", pictures(row[0]), drawn), caption)
