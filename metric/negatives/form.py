"""Faults of form: what a sentence should not be, whatever its picture shows. The words come from the batch alone.

A rule takes a caption of two words or more, the pool of its batch and a generator, and returns the words of the
spoiled caption, or None where it does not apply.
"""

from __future__ import annotations

import random

from metric.negatives.pool import SHORT, Caption, Pool, neighbours
from metric.negatives.words import ARTICLES, Words, bare, in_place, is_content

Spoiled = list[str] | None


def repeat_word(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word once or twice more."""
    words = caption.words
    place = rng.randrange(len(words))
    return [*words[:place], *[words[place]] * rng.randint(1, 2), *words[place:]]


def repeat_phrase(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Two to four words a second time, behind themselves."""
    words = caption.words
    length = min(rng.randint(2, 4), len(words))
    start = rng.randint(0, len(words) - length)
    return [*words[: start + length], *words[start:]]


def drop(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """One to three words less."""
    words = caption.words
    lost = rng.sample(range(len(words)), min(rng.randint(1, 3), len(words) - 1))
    return [word for place, word in enumerate(words) if place not in lost]


def insert(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word of the batch more."""
    if not pool.words:
        return None
    words = caption.words
    place = rng.randint(0, len(words))
    return [*words[:place], rng.choice(pool.words), *words[place:]]


def swap(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Two neighbours in each other's place."""
    words, places = list(caption.words), neighbours(caption.words)
    if not places:
        return None
    place = rng.choice(places)
    words[place : place + 2] = reversed(words[place : place + 2])
    return words


def replace(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word of the batch in the place of a word."""
    places = [place for place, word in enumerate(caption.words) if bare(word)]
    return put(caption.words, rng.choice(places), rng.choice(pool.words)) if places else None


def cut(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """The end comes early: somewhere in the second half."""
    half = (len(caption.words) + 1) // 2
    return caption.words[: rng.randint(half, len(caption.words) - 1)]


def shuffle(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """All words in any order."""
    return rng.sample(caption.words, len(caption.words))


def ends_with_s(word: str) -> bool:
    return bare(word).endswith("s") and len(bare(word)) > SHORT - 1 and is_content(word)


def says_s(words: Words) -> bool:
    return any(map(ends_with_s, words))


def says_an(words: Words) -> bool:
    return "an" in words


def inflect(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word without the final s that it had; in a caption without such a word, one with an s that it had not.

    Both are made equally often, or the s itself would tell a negative from a caption.
    """
    places = [place for place, word in enumerate(caption.words) if len(bare(word)) > SHORT - 1 and is_content(word)]
    with_s = [place for place in places if ends_with_s(caption.words[place])]
    if not (with_s or (places and rng.random() < pool.odds(says_s))):
        return None
    place = rng.choice(with_s or places)
    word = bare(caption.words[place])
    return put(caption.words, place, word[:-1] if with_s else word + "s")


def article(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """`a` for `an`; in a caption without `an`, `an` for `a`. Both are made equally often, as in `inflect`."""
    with_an = [place for place, word in enumerate(caption.words) if word == "an"]
    with_a = [place for place, word in enumerate(caption.words) if word == "a"]
    if not (with_an or (with_a and rng.random() < pool.odds(says_an))):
        return None
    words = list(caption.words)
    words[rng.choice(with_an or with_a)] = "a" if with_an else "an"
    return words


def no_articles(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """Without `a`, `an` and `the`."""
    return [word for word in caption.words if word not in ARTICLES]


def long_words(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """The words of four letters and more: mostly those without a function."""
    return [word for word in caption.words if len(bare(word)) > SHORT]


def short_word(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """A word of up to three letters for another such word of the batch."""
    places = [place for place, word in enumerate(caption.words) if 0 < len(bare(word)) <= SHORT]
    if not places:
        return None
    return put(caption.words, rng.choice(places), rng.choice(pool.short))


def ending(caption: Caption, pool: Pool, rng: random.Random) -> Spoiled:
    """The beginning of another caption's phrase behind the end: `... next to a`."""
    return [*caption.words, *rng.choice(pool.beginnings)] if pool.beginnings else None


def put(words: Words, place: int, other: str) -> list[str]:
    """The caption with another word at a place. The signs around the word there stay."""
    return [*words[:place], *in_place([words[place]], [other]), *words[place + 1 :]]
