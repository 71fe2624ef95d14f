"""Small faults of grammar: one function word that is wrong, and numbers and articles that do not agree.

A captioner that is pressed on a metric finds these first, since one word moves an embedding little. The rules have the
form of those of `metric.judgement.corruptions`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from metric.example import Example
from metric.judgement.vocabulary import is_content, nouns_of
from metric.scenes.truth import belongs
from metric.scenes.world import Scene

SMALL_WORDS = {  # word -> its class; a word of another class seldom stands rightly in its place
    **dict.fromkeys(("a", "an", "the"), "article"),
    **dict.fromkeys(("in", "on", "at", "by", "to", "near", "with", "under", "over"), "preposition"),
    **dict.fromkeys(("is", "are", "was", "were", "has", "have"), "verb"),
    **dict.fromkeys(("and", "of"), "link"),
}
AGREEING = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has"}
COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def wrong_function_word(caption: str, example: Example, rng: random.Random) -> str | None:
    """A function word where another one belongs: `on the right` -> `in the right`, `in the snow` -> `in are snow`.

    In a scene the grammar of its captions decides what is wrong, and every second word is one of the same class. Other
    captions get a word of another class, which leaves few of them right.
    """
    words = caption.split()
    places = [place for place, word in enumerate(words) if word.lower() in SMALL_WORDS]
    alike = isinstance(example.image, Scene) and rng.random() < 0.5
    for place in rng.sample(places, len(places)):
        own = words[place].lower()
        for other in rng.sample(list(SMALL_WORDS), len(SMALL_WORDS)):
            text = put(words, place, other)
            of_class = (SMALL_WORDS[other] == SMALL_WORDS[own]) == alike
            if other != own and of_class and not (isinstance(example.image, Scene) and belongs(text)):
                return text
    return None


def broken_agreement(caption: str, example: Example, rng: random.Random) -> str | None:
    """`a` for `an`, `is` for `are`, one thing for several, or the reverse: `a orange cup`, `a cup are`, `two cup`.

    The sort of fault is drawn first, so that articles, of which there are most, are a third of the faults.
    """
    words = caption.split()
    sorts = list(filter(None, (sort(words, nouns_of(example)) for sort in SORTS)))
    if not sorts:
        return None
    place, other = rng.choice(list(rng.choice(sorts).items()))
    return put(words, place, other)


Names = Sequence[tuple[str, str]]


def wrong_articles(words: Sequence[str], names: Names) -> dict[int, str]:
    """Place -> the other form of the article there."""
    found = ((place, word.lower()) for place, word in enumerate(words[:-1]))
    return {place: "an" if word == "a" else "a" for place, word in found if word in ("a", "an")}


def wrong_verbs(words: Sequence[str], names: Names) -> dict[int, str]:
    """Place -> the verb there in the other number."""
    return {place: AGREEING[word.lower()] for place, word in enumerate(words) if word.lower() in AGREEING}


def wrong_numbers(words: Sequence[str], names: Names) -> dict[int, str]:
    """Place -> the thing there in the other number, where a number or an article before its adjectives counts it."""
    unlike = [(one, many) for one, many in names if one != many]
    plurals, singulars = dict(unlike), {many: one for one, many in unlike}
    found: dict[int, str] = {}
    for place, word in enumerate(words):
        counted = count_before(words, place)
        others = plurals if counted == 1 else singulars if counted else {}
        if word.lower() in others:
            found[place] = others[word.lower()]
    return found


def count_before(words: Sequence[str], place: int) -> int:
    """The number that the word at a place is counted by, with content words alone between them; 0 without one."""
    for word in reversed(words[:place]):
        if word.lower() in COUNTS:
            return COUNTS[word.lower()]
        if not is_content(word):
            return 0
    return 0


SORTS: tuple[Callable[[Sequence[str], Names], dict[int, str]], ...] = (wrong_articles, wrong_verbs, wrong_numbers)


def put(words: Sequence[str], place: int, other: str) -> str:
    """The caption with another word at a place, which keeps the capital letter of the word there."""
    other = other.capitalize() if words[place][:1].isupper() else other
    return " ".join([*words[:place], other, *words[place + 1 :]])
