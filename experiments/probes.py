"""What the probes of metrics share: the CLIPs of the command line, margins between two texts, shares by word."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.similarity import PREFIX

FEWEST = 20  # pairs of a word or change that is shown


def embedders(parser: argparse.ArgumentParser, names: Sequence[str]) -> Iterator[tuple[str, Embedder]]:
    """Each CLIP of the command line by its name. One that cannot be had ends the program with one line."""
    for name in names:
        try:
            yield name, Embedder(load_clip(name))
        except ValueError as error:
            parser.error(str(error))


def margins(embedder: Embedder, images: np.ndarray, one: Sequence[str], other: Sequence[str]) -> np.ndarray:
    """How much nearer each `other` text is to its picture than `one` is. Pictures `n d`, n and n texts -> `n`."""
    texts = {text: place for place, text in enumerate(sorted({*one, *other}))}
    embedded = embedder.texts([PREFIX + text for text in texts]).numpy()
    first, second = (embedded[[texts[text] for text in column]] for column in (one, other))
    return (images * (second - first)).sum(1)


def shares_of(found: Iterable[tuple[str, float]]) -> list[tuple[str, float, int]]:
    """Name, mean, and number of values; the largest mean first, and names with few values left out."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for name, value in found:
        by_name[name].append(value)
    rows = [(name, float(np.mean(of)), len(of)) for name, of in by_name.items() if len(of) >= FEWEST]
    return sorted(rows, key=lambda row: -row[1])
