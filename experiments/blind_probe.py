"""Which words a metric prefers whatever the picture shows: a captioner that is pressed on it will say them everywhere.

A word of a reference is exchanged for another of its class, and both sentences are scored with the picture of another
scene. There neither is true more often than the other, so a metric that looks prefers each word in half of its pairs.
Command: `.venv/bin/python -m experiments.blind_probe scenes-clip runs/metric ...`.
Cost: a minute of one core for each CLIP.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from captioner.data import load
from experiments.probes import embedders, margins, shares_of
from metric.clip.embedder import Embedder
from metric.example import Example
from metric.scenes.words import COUNT_WORDS, POSITION_PHRASES, RELATION_PHRASES, SETTING_PHRASES, SIZE_WORDS
from metric.scenes.world import COLOURS

CLASSES: dict[str, tuple[str, ...]] = {
    "place": tuple(phrase for phrases in POSITION_PHRASES.values() for phrase in phrases),
    "relation": tuple(phrase for phrases in RELATION_PHRASES.values() for phrase in phrases),
    "setting": tuple(phrase for phrases in SETTING_PHRASES.values() for phrase in phrases),
    "size": tuple(word for words in SIZE_WORDS.values() for word in words),
    "count": tuple(COUNT_WORDS.values()),
    "colour": tuple(COLOURS),
}


class Pair(NamedTuple):
    """A sentence, another with one word exchanged, and the two words with their class before them."""

    scene: int
    text: str
    exchanged: str
    word: str
    other: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", help="CLIPs or tuned CLIPs, as --clip takes them")
    parser.add_argument("--count", type=int, default=1000, help="test scenes")
    parser.add_argument("--show", type=int, default=8, help="words that are shown, the most preferred first")
    args = parser.parse_args()
    if args.count < 2:
        parser.error(f"--count is 2 or more, got {args.count}")
    examples = load("scenes", "test")[: args.count]
    pairs = [*pairs_of(examples)]
    for name, embedder in embedders(parser, args.clips):
        rows = shares(pairs, wins(embedder, examples, pairs))
        apart = np.mean([abs(share - 0.5) for _, share, _ in rows])
        print(f"{name}: {len(rows)} words are {100 * apart:.1f} points from chance on average", flush=True)
        for word, share, count in rows[: args.show]:
            print(f"  {word}: preferred in {100 * share:.1f} % of {count:,} pairs, whatever the picture")


def pairs_of(examples: Sequence[Example]) -> Iterator[Pair]:
    """Each exchange of a word of the first reference of each scene."""
    for scene, example in enumerate(examples):
        text = example.references[0]
        for kind, words in CLASSES.items():
            for word in words:
                pattern = rf"\b{re.escape(word)}\b(?! of)"  # `on the left of` is a relation
                if re.search(pattern, text):
                    for other in words:
                        if other != word:
                            exchanged = re.sub(pattern, other, text, count=1)
                            yield Pair(scene, text, exchanged, f"{kind} {word}", f"{kind} {other}")


def wins(embedder: Embedder, examples: Sequence[Example], pairs: Sequence[Pair]) -> np.ndarray:
    """Whether the exchanged sentence is nearer to the picture of the next scene; a tie is half."""
    image = embedder.images([example.image for example in examples]).roll(-1, 0).numpy()
    images = image[[pair.scene for pair in pairs]]
    margin = margins(embedder, images, [pair.text for pair in pairs], [pair.exchanged for pair in pairs])
    return (np.sign(margin) + 1) / 2


def shares(pairs: Sequence[Pair], won: np.ndarray) -> list[tuple[str, float, int]]:
    """Word, share of its pairs in which it is preferred, their number; the most preferred first."""
    sides = [((pair.other, float(of)), (pair.word, 1 - float(of))) for pair, of in zip(pairs, won)]
    return shares_of(chain.from_iterable(sides))


if __name__ == "__main__":
    main()
