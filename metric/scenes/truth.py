"""The claims of a caption about a scene: which claims are true, and whether the sentence is grammatical.

`claims` reads any text, however broken, so that the truth of keyword lists can be told too; `belongs` accepts just
the sentences that the grammar of language.py can say of some scene, true or not, and `the` for `a` before a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import chain, islice
from typing import NamedTuple

from metric.scenes.language import OPPOSITE
from metric.scenes.words import (
    COUNT_OF,
    COUNT_WORDS,
    KIND_OF,
    PICTURE_WORDS,
    PLURALS,
    POSITION_PHRASES,
    RELATION_PHRASES,
    SETTING_OF,
    SETTING_PHRASES,
    SINGULARS,
    SIZE_OF,
    STATE_OF,
    article,
)
from metric.scenes.world import COLOURS, Scene

Claim = tuple[str, ...]  # attribute, kinds of the things, value


def truth(caption: str, scene: Scene) -> float:
    """The share of the distinct claims of a caption that are true, 0 to 1. A caption without claims has 0."""
    claimed = claims(caption)
    return sum(holds(claim, scene) for claim in claimed) / len(claimed) if claimed else 0.0


def kinds(caption: str) -> list[str]:
    """The kind of thing of each noun in the caption, in order."""
    return [KIND_OF[token.text] for token in tokens(caption) if token.role == "word" and token.text in KIND_OF]


def recall(caption: str, scene: Scene) -> float:
    """The share of the things of the scene that the caption names, 0 to 1."""
    claimed = claims(caption)
    return sum(("kind", thing.kind) in claimed for thing in scene.things) / len(scene.things)


def quality(caption: str, scene: Scene) -> float:
    """The exact quality of a caption, 0 to 1: F1 of truth and recall, halved for an ungrammatical caption."""
    precision, coverage = truth(caption, scene), recall(caption, scene)
    f1 = 2 * precision * coverage / (precision + coverage) if precision and coverage else 0.0
    return f1 if belongs(caption) else f1 / 2


def holds(claim: Claim, scene: Scene) -> bool:
    """Whether a claim is true of the scene."""
    match claim:
        case ("setting", setting):
            return setting == scene.setting
        case ("relation", first, relation, second):
            return relation in relations(scene).get((first, second), ())
        case ("position", kind, position):
            return position in positions(scene).get(kind, ())
        case (attribute, kind, *value):
            thing = next((thing for thing in scene.things if thing.kind == kind), None)
            return thing is not None and (attribute == "kind" or str(getattr(thing, attribute)) == value[0])
    raise AssertionError(claim)


def relations(scene: Scene) -> dict[tuple[str, str], tuple[str, ...]]:
    """The true relations of each ordered pair of kinds."""
    if not scene.relation:
        return {}
    first, second = (thing.kind for thing in scene.things)
    beside = ("beside",) if scene.relation in ("left", "right") else ()
    return {(first, second): (scene.relation, *beside), (second, first): (OPPOSITE[scene.relation], *beside)}


def positions(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Kind of thing -> its position in the picture, for the kinds whose position the graph holds."""
    if scene.position:
        return {scene.things[0].kind: (scene.position,)}
    first, second = (thing.kind for thing in scene.things)
    return {first: (scene.relation,), second: (OPPOSITE[scene.relation],)}


PHRASES = {
    **{p: ("relation", r) for r, phrases in RELATION_PHRASES.items() for p in phrases},
    **{p: ("position", r) for r, phrases in POSITION_PHRASES.items() for p in phrases},
}
PHRASE = re.compile(r"\b(" + "|".join(sorted(PHRASES, key=len, reverse=True)) + r")\b")


@lru_cache(maxsize=65_536)
def claims(caption: str) -> frozenset[Claim]:
    """The distinct claims of a caption: kinds, attributes, relations, positions, the setting."""
    return frozenset(spoken_claim.claim for spoken_claim in spoken(caption))


def false_words(caption: str, scene: Scene) -> set[int]:
    """Places, in `caption.split()`, of the words that make a claim which does not hold of the scene.

    A claim of a thing that is not there marks its attributes too: "a blue cat" without a cat is false in three words.
    """
    return {place for claim, places in spoken(caption) if not holds(claim, scene) for place in places}


class Token(NamedTuple):
    """A word, or a phrase of a relation or a position. `places` holds the places of its words in the caption."""

    role: str
    text: str
    places: tuple[int, ...]


class Spoken(NamedTuple):
    """A claim, and the places of the words that make it."""

    claim: Claim
    places: tuple[int, ...]


Pending = dict[str, tuple[str, tuple[int, ...]]]  # attribute -> value, places of its word


def spoken(caption: str) -> list[Spoken]:
    """The claims of a caption in order, with the places of their words.

    An adjective belongs to the next noun of its phrase; a state right after a noun (or its verb) belongs to that noun.
    """
    spoken_claims: list[Spoken] = []
    pending: Pending = {}
    last, relation = "", Token("relation", "", ())
    for token in tokens(caption):
        word, places = token.text, token.places
        if token.role == "position":
            spoken_claims += [Spoken(("position", last, word), places)] if last else []
        elif token.role == "relation":
            relation, pending = token, {}
        elif word in KIND_OF:
            kind = KIND_OF[word]
            spoken_claims.append(Spoken(("kind", kind), places))
            spoken_claims += [Spoken((attribute, kind, value), at) for attribute, (value, at) in pending.items()]
            if relation.text and last and last != kind:
                spoken_claims.append(Spoken(("relation", last, relation.text, kind), relation.places))
            last, relation, pending = kind, Token("relation", "", ()), {}
        elif word in STATE_OF and last and not pending and not relation.text:
            spoken_claims.append(Spoken(("state", last, STATE_OF[word]), places))
        elif word in SETTING_OF:
            spoken_claims.append(Spoken(("setting", SETTING_OF[word]), places))
            pending = {}
        else:
            pending = read_adjective(token, pending)
    return spoken_claims


def read_adjective(token: Token, pending: Pending) -> Pending:
    """The attributes of the noun to come, after one more word. A determiner begins a new phrase."""
    word = token.text
    if word in COUNT_OF:
        return {"count": (str(COUNT_OF[word]), token.places)}
    for attribute, words in (("size", SIZE_OF), ("state", STATE_OF), ("colour", dict(zip(COLOURS, COLOURS)))):
        if word in words:
            return {**pending, attribute: (words[word], token.places)}
    return pending if word in ("is", "are") else {}


def tokens(caption: str) -> list[Token]:
    """The words and set phrases of a caption in order, each with its role."""
    placed = [(i, word) for i, text in enumerate(caption.lower().split()) for word in re.findall(r"[a-z]+", text)]
    parts = PHRASE.split(" ".join(word for _, word in placed))  # text, phrase, text, phrase, ...
    places = iter([place for place, _ in placed])
    in_order: list[Token] = []
    for i, part in enumerate(parts):
        if i % 2:
            role, name = PHRASES[part]
            in_order.append(Token(role, name, tuple(islice(places, len(part.split())))))
        else:
            in_order += [Token("word", word, (next(places),)) for word in part.split()]
    return in_order


@lru_cache(maxsize=65_536)
def belongs(caption: str) -> bool:
    """Whether the grammar of the scenes makes the sentence. Case and a final full stop make no difference."""
    text = caption.lower().strip().removesuffix(".").rstrip()
    if not grammar().fullmatch(text):
        return False
    words = text.split()
    return all(word == article(after) for word, after in zip(words, words[1:]) if word in ("a", "an"))


@cache
def grammar() -> re.Pattern[str]:
    """The grammar of language.py as a regular expression. `belongs` checks the articles."""
    size, state, colour = one_of(SIZE_OF), one_of(STATE_OF), one_of(COLOURS)
    settings = [*chain.from_iterable(SETTING_PHRASES.values())]
    place = one_of([*settings, *(phrase.replace(" a ", " the ") for phrase in settings)])  # `in the room` is right too
    position = one_of(chain.from_iterable(POSITION_PHRASES.values()))
    relation = one_of(chain.from_iterable(RELATION_PHRASES.values()))

    def noun_phrase(determiner: str, noun: str) -> str:
        before = f"{determiner}(?: {size})?"
        return f"(?:{before}(?: {state})?(?: {colour})? {noun})"

    def with_state(determiner: str, noun: str) -> str:  # the thing, and its state before or after the noun
        bare = f"{determiner}(?: {size})?(?: {colour})? {noun}"
        return f"(?:{noun_phrase(determiner, noun)}|{bare} {state})"

    article_, number = "an?", one_of(COUNT_WORDS.values())
    one, many = noun_phrase(article_, one_of(SINGULARS)), noun_phrase(number, one_of(PLURALS))
    one_in_state, many_in_state = with_state(article_, one_of(SINGULARS)), with_state(number, one_of(PLURALS))
    any_, any_in_state = f"(?:{one}|{many})", f"(?:{one_in_state}|{many_in_state})"
    where = f"(?: {place})?(?: {position})?"
    somewhere = f"(?: {place}(?: {position})?| {position})"
    related = f" {relation} {any_}(?: {place})?"
    after = f"(?:{where}|{related})"
    predicate = f"(?: {state}{where}|{somewhere}|{related})"
    return re.compile(
        f"(?:an? {one_of(PICTURE_WORDS)} of )?{any_in_state}{after}"
        f"|{any_} and {any_}(?: (?:are )?{place})?"
        f"|{one} is{predicate}|{many} are{predicate}"
        f"|there (?:is {one_in_state}|are {many_in_state}){after}"
    )


def one_of(words: Iterable[str]) -> str:
    """A regular expression for one of the words, longer words first."""
    return "(?:" + "|".join(sorted(set(words), key=len, reverse=True)) + ")"
