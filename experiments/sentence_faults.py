"""What is wrong with captions that the grammar of the scenes does not make: the kind of the least repair.

A repair is tried for each kind in the order of KINDS. The first that gives a sentence of the grammar names the fault.
Command: `.venv/bin/python -m experiments.sentence_faults RUN...` prints the shares of the test captions of runs.
Cost: a few seconds a run.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from metric.scenes.truth import belongs
from metric.scenes.words import COUNT_OF, PLURALS, SINGULARS, article
from metric.scores.repetition import ends_badly

FUNCTION_WORDS = ("a", "an", "the", "and", "is", "are", "of", "to", "there", "in", "on", "at", "by", "near", "inside")
OTHER_NUMBER = {**dict(zip(SINGULARS, PLURALS)), **dict(zip(PLURALS, SINGULARS))}  # of each thing
MOST = 6  # words that are cut from the end, or that a repeated phrase has
Words = Sequence[str]


def fault(caption: str) -> str:
    """The kind of fault of a caption; empty for a sentence of the grammar.

    >>> fault("a red cat in a meadow"), fault("a orange cat"), fault("two red cat in a meadow"), fault("a cat in the")
    ('', 'article', 'number', 'ending')
    >>> fault("a cat in a meadow in a meadow"), fault("a cat near the meadow"), fault("cat red meadow")
    ('repetition', 'preposition', 'several')
    """
    words = caption.lower().strip().removesuffix(".").split()
    if not words:
        return "empty"
    return "" if belongs(" ".join(words)) else kind_of(tuple(words))


@lru_cache(maxsize=65_536)
def kind_of(words: Words) -> str:
    return next((kind for kind, repairs in KINDS.items() if any(sound(repair) for repair in repairs(words))), "several")


def sound(words: Words) -> bool:
    """Whether the words are a sentence of the grammar once their articles are right."""
    return bool(words) and belongs(" ".join(with_articles(words)))


def with_articles(words: Words) -> list[str]:
    following = [*words[1:], ""]
    return [article(after) if word in ("a", "an") and after else word for word, after in zip(words, following)]


def endings(words: Words) -> Iterator[Words]:
    """The beginnings of a caption that breaks off."""
    if ends_badly(list(words)):
        yield from (words[:-cut] for cut in range(1, MOST + 1))


def once(words: Words) -> Iterator[Words]:
    """The caption without one of two equal phrases that follow each other."""
    for length in range(1, MOST + 1):
        for place in range(len(words) - 2 * length + 1):
            if words[place : place + length] == words[place + length : place + 2 * length]:
                yield (*words[:place], *words[place + length :])


def numbers(words: Words) -> Iterator[Words]:
    """The caption with one noun or verb in its other number."""
    others = OTHER_NUMBER | {"is": "are", "are": "is"}
    for place, word in enumerate(words):
        if word in others:
            yield with_word(words, place, others[word])


def prepositions(words: Words) -> Iterator[Words]:
    """The caption with another small word in place of a small word, at up to two places that follow each other."""
    small = [
        place for place, word in enumerate(words) if word in FUNCTION_WORDS and word not in COUNT_OF or word == "a"
    ]
    for place in small:
        for one in FUNCTION_WORDS:
            changed = with_word(words, place, one)
            yield changed
            if place + 1 < len(words) and words[place + 1] in FUNCTION_WORDS:
                yield from (with_word(changed, place + 1, two) for two in ("a", "the"))


def shorter(words: Words) -> Iterator[Words]:
    """The caption without one word."""
    yield from ((*words[:place], *words[place + 1 :]) for place in range(len(words)))


def longer(words: Words) -> Iterator[Words]:
    """The caption with one small word more."""
    for place in range(len(words) + 1):
        yield from ((*words[:place], word, *words[place:]) for word in FUNCTION_WORDS)


def beginnings(words: Words) -> Iterator[Words]:
    """The caption without words at its end."""
    yield from (words[:-cut] for cut in range(1, len(words)))


def with_word(words: Words, place: int, word: str) -> Words:
    return (*words[:place], word, *words[place + 1 :])


KINDS: dict[str, Callable[[Words], Iterable[Words]]] = {
    "article": lambda words: [words],
    "ending": endings,
    "repetition": once,
    "number": numbers,
    "preposition": prepositions,
    "word too many": shorter,
    "word missing": longer,
    "sentence goes on": beginnings,
}


def shares(run: Path) -> dict[str, float]:
    """Percent of the test captions of a run with each kind of fault, the most frequent first.

    Raises ValueError for a run whose test captions are not there.
    """
    path = run / "captions-test.jsonl"
    if not path.exists():
        raise ValueError(f"{run} has no {path.name}; type captioner evaluate {run}")
    lines = path.read_text(encoding="utf-8").splitlines()
    found = Counter(fault(json.loads(line)["caption"]) for line in lines)
    return {kind: 100 * count / len(lines) for kind, count in found.most_common() if kind}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    for run in parser.parse_args().runs:
        try:
            print(
                f"{run}: " + (", ".join(f"{kind} {share:.1f} %" for kind, share in shares(run).items()) or "no fault")
            )
        except ValueError as error:
            parser.error(str(error))


if __name__ == "__main__":
    main()
