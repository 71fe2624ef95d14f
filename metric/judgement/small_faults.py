"""Small faults of grammar: one function word that is wrong, and numbers and articles that do not agree.

A captioner that is pressed on a metric finds these first, since one word moves an embedding little. The rules have the
form of those of `metric.judgement.corruptions`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from metric.example import Example
from metric.judgement.vocabulary import ended, nouns_of
from metric.scenes.truth import belongs
from metric.scenes.world import Scene

SMALL_WORDS = {  # word -> its class; words of other classes cannot stand in its place
    **dict.fromkeys(("a", "an", "the"), "article"),
    **dict.fromkeys(("in", "on", "at", "by", "to", "near", "with", "under", "over"), "preposition"),
    **dict.fromkeys(("is", "are", "was", "were", "has", "have"), "verb"),
    **dict.fromkeys(("and", "of"), "link"),
}
AGREEING = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has"}
COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
REACH = 4  # words from a number to the thing that it counts, at most


def wrong_function_word(caption: str, example: Example, rng: random.Random) -> str | None:
    """A function word where another one belongs: `on the right` -> `in the right`, `in the snow` -> `in are snow`.

    In a scene the grammar of its captions decides what is wrong, and every second word is one of the same class. Other
    captions get a word of another class.
    """
    words = ended(caption).split()
    places = [place for place, word in enumerate(words) if word.lower() in SMALL_WORDS]
    alike = isinstance(example.image, Scene) and rng.random() < 0.5
    for place in rng.sample(places, len(places)):
        for other in rng.sample(list(SMALL_WORDS), len(SMALL_WORDS)):
            text = " ".join([*words[:place], other, *words[place + 1 :]])
            of_class = (SMALL_WORDS[other] == SMALL_WORDS[words[place].lower()]) == alike
            if of_class and not (isinstance(example.image, Scene) and belongs(text)):
                return text
    return None


def broken_agreement(caption: str, example: Example, rng: random.Random) -> str | None:
    """`a` for `an`, `is` for `are`, one thing for several, or the reverse: `a orange cup`, `a cup are`, `two cup`."""
    words = caption.split()
    wrong = {**wrong_articles(words), **wrong_verbs(words), **wrong_numbers(words, nouns_of(example))}
    if not wrong:
        return None
    place = rng.choice(list(wrong))
    return " ".join([*words[:place], wrong[place], *words[place + 1 :]])


def wrong_articles(words: Sequence[str]) -> dict[int, str]:
    """Place -> the other form of the article there."""
    found = ((place, word.lower()) for place, word in enumerate(words[:-1]))
    return {place: "an" if word == "a" else "a" for place, word in found if word in ("a", "an")}


def wrong_verbs(words: Sequence[str]) -> dict[int, str]:
    """Place -> the verb there in the other number."""
    return {place: AGREEING[word] for place, word in enumerate(words) if word in AGREEING}


def wrong_numbers(words: Sequence[str], names: Sequence[tuple[str, str]]) -> dict[int, str]:
    """Place -> the thing there in the other number, where a number or an article shortly before counts it."""
    unlike = [(one, many) for one, many in names if one != many]
    plurals, singulars = dict(unlike), {many: one for one, many in unlike}
    found: dict[int, str] = {}
    for place, word in enumerate(words):
        counts = [COUNTS[before] for before in words[max(0, place - REACH) : place] if before in COUNTS]
        others = plurals if counts and counts[-1] == 1 else singulars if counts else {}
        if word in others:
            found[place] = others[word]
    return found
