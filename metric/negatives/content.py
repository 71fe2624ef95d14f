"""False claims: words that captions of one batch exchange by alignment. The sentence stays a sentence.

Two captions are aligned where they have the same word before and behind: `a [red] ball` and `a [blue] ball`. What no
reference of the picture says is put in. Phrases that two references of one picture have in one frame agree, such as
`dog` and `puppy`, and are not exchanged. The rules have the form of those of `metric.negatives.form`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

from metric.negatives.form import Spoiled
from metric.negatives.pool import Caption, Pool, frame
from metric.negatives.words import (
    SYMMETRIC,
    Span,
    Words,
    article_of,
    bare,
    contents,
    in_letters,
    in_place,
    is_content,
    is_number,
    opposed,
    phrase,
    places_of,
    sides_of,
)


def thing(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """The last word of a phrase, mostly a noun or a verb: `a red ball` -> `a red kite`."""
    places = [place for place in contents(caption.words) if not followed(caption.words, place)]
    return exchanged(caption, pool, rng, places)


def attribute(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word that another one follows, mostly an adjective: `a red ball` -> `a blue ball`."""
    places = [place for place in contents(caption.words) if followed(caption.words, place)]
    return exchanged(caption, pool, rng, places)


def number(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Another number of the batch: `two dogs` -> `three dogs`. `2` is no other number than `two`."""
    places = [place for place, word in enumerate(caption.words) if is_number(word)]
    for place in rng.sample(places, len(places)):
        if others := [word for word in pool.numbers if in_letters(word) not in caption.numbers]:
            return put(caption.words, Span(place, place + 1), rng.choice(others))
    return None


def relation(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Another relation that the batch has before the same word: `a cat on a box` -> `a cat behind a box`."""
    words = caption.words
    found = sides_of(words)
    for _, between, right in rng.sample(found, len(found)):
        own, known = phrase(words, between), pool.relations.get(bare(words[right.end - 1]), [])
        if others := [said for said in known if not caption.says(said) and not pool.agree(own, said)]:
            return put(words, between, rng.choice(others))
    return None


def place(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A place of the picture that the caption's excludes: `a cat on the left` -> `a cat in the middle`."""
    words = caption.words
    for span in rng.sample(found := places_of(words), len(found)):
        own = phrase(words, span)
        others = [said for said in pool.places if opposed(own, said) and not caption.says(said)]
        if others := [said for said in others if not pool.agree(own, said)]:
            return put(words, span, rng.choice(others))
    return None


def sides(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """The two sides of a relation exchanged: `a cat on a box` -> `a box on a cat`.

    Both must stand on the other side of some relation of the batch: `a cat in the desert` is left alone.
    """
    words = caption.words
    found = sides_of(words)
    for left, between, right in rng.sample(found, len(found)):
        one, other, verb = bare(words[left.end - 1]), bare(words[right.end - 1]), words[left.end : between.start]
        agree = not verb or plural(one) == plural(other)
        if agree and phrase(words, between) not in SYMMETRIC and pool.turns(one, other):
            before, behind = words[slice(*left)], words[slice(*right)]
            turned = [*in_place(before, behind), *verb, *words[slice(*between)], *in_place(behind, before)]
            return [*words[: left.start], *turned, *words[right.end :]]
    return None


def binding(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Two attributes of a caption exchanged: `a red dog and a blue car` -> `a blue dog and a red car`."""
    words = caption.words
    places = [place for place in contents(words) if followed(words, place)]
    pairs = [pair for pair in combinations(places, 2) if exchangeable(words, pool, *pair)]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    moved = put(words, Span(one, one + 1), bare(words[other]))
    return put(moved, Span(other, other + 1), bare(words[one]))


def exchangeable(words: Words, pool: Pool, place: int, later: int) -> bool:
    """Whether two attributes belong to two phrases, are of one sort, and do not say the same."""
    one, other = bare(words[place]), bare(words[later])
    apart = not all(map(is_content, words[place:later]))
    return apart and one != other and pool.alike(one, other) and not pool.agree(one, other)


def exchanged(caption: Caption, pool: Pool, rng: random.Random, places: Sequence[int]) -> Spoiled:
    """One of the words at `places` for a word that another caption has in its frame."""
    for place in rng.sample(places, len(places)):
        own, span = bare(caption.words[place]), Span(place, place + 1)
        known = [word for word in pool.in_frame.get(frame(caption.words, span), []) if plural(word) == plural(own)]
        if others := [word for word in known if not caption.says(word) and not pool.agree(own, word)]:
            return put(caption.words, span, rng.choice(others))
    return None


def plural(word: str) -> bool:
    """Whether the word ends as plurals do, so that the exchange leaves grammar alone."""
    return word.endswith("s")


def put(words: Words, span: Span, other: str) -> list[str]:
    """The caption with another phrase in the place of a span, and with the right one of `a` and `an` before it.

    The signs around the span stay.
    """
    before = list(words[: span.start])
    if before and before[-1] in ("a", "an"):
        before[-1] = article_of(other)
    return [*before, *in_place(words[slice(*span)], other.split()), *words[span.end :]]


def followed(words: Words, place: int) -> bool:
    """Whether a word that names something follows at once."""
    return place + 1 < len(words) and is_content(words[place + 1])
