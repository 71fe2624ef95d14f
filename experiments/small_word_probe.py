"""Which small faults a metric does not hear: one function word replaced or lost, or one thing in another number.

A reference of a drawn scene is compared with each sentence that one small change makes of it and the grammar of the
scenes does not. A captioner that is pressed on the metric finds the changes that the metric prefers.
Command: `.venv/bin/python -m experiments.small_word_probe scenes-clip runs/metric ...`.
Cost: a minute of one core for each CLIP.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from captioner.data import load
from experiments.probes import embedders, margins, shares_of
from experiments.sentence_faults import OTHER_NUMBER, with_word
from metric.clip.embedder import Embedder
from metric.example import Example
from metric.scenes.truth import belongs
from metric.scenes.words import SINGULARS

SMALL = "a an the and is are of to there in on at by near over under inside two three".split()
REFERENCES = 2  # of each scene


class Pair(NamedTuple):
    """A reference of a scene, a change of it, and the sentence that the change makes."""

    scene: int
    reference: str
    change: str
    fault: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", help="CLIPs or tuned CLIPs, as --clip takes them")
    parser.add_argument("--count", type=int, default=300, help="test scenes")
    parser.add_argument("--show", type=int, default=12, help="changes that are shown, the worst first")
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f"--count is 1 or more, got {args.count}")
    examples = load("scenes", "test")[: args.count]
    pairs = pairs_of(examples)
    for name, embedder in embedders(parser, args.clips):
        wrong = preferred(embedder, examples, pairs)
        print(f"{name}: {100 * wrong.mean():.1f} % of {len(pairs):,} small faults score higher", flush=True)
        for change, share, count in shares(pairs, wrong)[: args.show]:
            print(f"  {change}: {100 * share:.1f} % of {count:,}")


def pairs_of(examples: Sequence[Example]) -> list[Pair]:
    """Each small fault of the first references of each scene, once."""
    return [
        Pair(scene, reference, change, fault)
        for scene, example in enumerate(examples)
        for reference in example.references[:REFERENCES]
        for fault, change in {" ".join(words): change for change, words in changes(reference.split())}.items()
        if not belongs(fault)
    ]


def changes(words: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Each small change of a caption: its name, such as `in -> on`, and the words that it makes."""
    for place, word in enumerate(words):
        if word in SMALL:
            yield from ((f"{word} -> {other}", with_word(words, place, other)) for other in SMALL if other != word)
            yield f"without {word}", [*words[:place], *words[place + 1 :]]
        if word in OTHER_NUMBER:
            name = "one -> several" if word in SINGULARS else "several -> one"
            yield name, with_word(words, place, OTHER_NUMBER[word])


def preferred(embedder: Embedder, examples: Sequence[Example], pairs: Sequence[Pair]) -> np.ndarray:
    """Whether the fault is as near to the picture as its reference, or nearer, for each pair."""
    image = embedder.images([example.image for example in examples]).numpy()
    images = image[[pair.scene for pair in pairs]]
    return margins(embedder, images, [pair.reference for pair in pairs], [pair.fault for pair in pairs]) >= 0


def shares(pairs: Sequence[Pair], wrong: np.ndarray) -> list[tuple[str, float, int]]:
    """Change, share of preferred faults, number of pairs; the worst first, and changes with few pairs left out."""
    return shares_of((pair.change, float(prefers)) for pair, prefers in zip(pairs, wrong))


if __name__ == "__main__":
    main()
