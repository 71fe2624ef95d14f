"""Small faults of form: one function word that stands wrong, is missing, or is too many.

A captioner that is pressed on a metric finds such faults first: `on the middle`, `a orange`, `a cup are`. What stands
wrong is what no caption of the batch says; in open text a part of it is right all the same. The rules have the form of
those of `metric.negatives.form`.
"""

from __future__ import annotations

import random

from metric.negatives.form import Spoiled
from metric.negatives.pool import Caption, Pool
from metric.negatives.words import (
    ARTICLES,
    FUNCTION,
    NUMBERS,
    PREPOSITIONS,
    VERBS,
    Words,
    counted,
)

CLASSES = (ARTICLES | frozenset(NUMBERS), PREPOSITIONS, VERBS)  # words that can stand in each other's place
FORMS = frozenset({"a", "an"})  # of one word
RIGHT = ({"the"}, {"one", "a"}, {"one", "an"})  # words and pairs of the first class that are mostly right


def misuse(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A function word or number for another: `on the left` -> `in the left`, `two cups` -> `a cups`.

    A word takes the place of another about as often as the other takes its place, so that no word alone tells a
    negative from a caption.
    """
    words, counts = caption.words, pool.small
    places = [place for place, word in enumerate(words) if word in counts]
    for place in rng.sample(places, len(places)):
        kin = class_of(words[place])
        other = rng.choice([word for word in counts if word in kin] if rng.random() < 0.5 else list(counts))
        if rng.random() * counts[words[place]] < counts[other] and misplaced(words, place, other, pool):
            return [*words[:place], other, *words[place + 1 :]]
    return None


def omit(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A function word less, where the batch never has its neighbours together: `in the snow` -> `in snow`."""
    words = caption.words
    places = [place for place, word in enumerate(words) if word in FUNCTION]
    for place in rng.sample(places, len(places)):
        left = [*words[:place], *words[place + 1 :]]
        if not pool.says(left, place - 1, place + 1):
            return left
    return None


def intrude(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A function word more, where the batch never has it: `in the snow` -> `in of the snow`."""
    words, places = caption.words, range(len(caption.words) + 1)
    for place in rng.sample(places, len(places)) if pool.function_words else ():
        more = [*words[:place], rng.choice(pool.function_words), *words[place:]]
        if not (pool.says(more, place - 1, place + 1) and pool.says(more, place, place + 2)):
            return more
    return None


def class_of(word: str) -> frozenset[str]:
    """The words that can stand in the place of a word; itself alone for one without a class."""
    return next((each for each in CLASSES if word in each), frozenset({word}))


def misplaced(words: Words, place: int, other: str, pool: Pool) -> bool:
    """Whether `other` stands wrong at a place: no caption of the batch has it so.

    Words of one class are wrong by what they belong to: a preposition or article by what follows it, a number by the
    thing that it counts, a verb by what stands before. Words of two classes are wrong by both neighbours.
    """
    own, put = words[place], [*words[:place], other, *words[place + 1 :]]
    shared = next((each for each in CLASSES if own in each and other in each), None)
    if own == other or (shared is CLASSES[0] and any(right <= {own, other} for right in RIGHT)):
        return False
    if shared is PREPOSITIONS:
        return not pool.says(put, place, named(put, place + 1))
    if shared is VERBS:
        return not pool.says(put, place - 1, place + 1)
    if shared is None:
        return not pool.says(put, place - 1, place + 2)
    if {own, other} == FORMS:
        return not pool.says(put, place, place + 2)
    return (other, counted(put, place)) not in pool.counted


def named(words: Words, start: int) -> int:
    """The end of the word at `start`, or of the next one behind an article: `on [the left] of a dog`."""
    return start + 1 + (start < len(words) and words[start] in ARTICLES)
