"""Texts of a scene, drawn at random: references as people write them, alt-text as the web has it, keywords."""

from __future__ import annotations

import random

from metric.scenes.words import (
    COUNT_WORDS,
    FILLER,
    KEYWORDS,
    NOUNS,
    PICTURE_WORDS,
    POSITION_PHRASES,
    RELATION_PHRASES,
    SETTING_KEYWORDS,
    SETTING_PHRASES,
    SIZE_WORDS,
    STATE_WORDS,
    article,
)
from metric.scenes.world import Scene, Thing


def references(scene: Scene, n: int = 5, seed: int = 0) -> tuple[str, ...]:
    """`n` true captions in different words. Another seed gives other words."""
    rng = random.Random(f"{scene.key}|{seed}")
    captions: dict[str, None] = {}  # a set that keeps its order
    while len(captions) < n:
        captions[sentence(scene, rng)] = None
    return tuple(captions)


def sentence(scene: Scene, rng: random.Random) -> str:
    """One true caption of the scenes' grammar: a phrase, a clause, `there is`, or `a picture of`."""
    things = scene.things if rng.random() < 0.9 else rng.sample(scene.things, 1)
    place = setting_phrase(scene, rng)
    if len(things) == 2 and rng.random() < 0.8:
        words = related(scene, place, rng)
    elif len(things) == 2:
        words = joined(things, place, rng)
    else:
        words = alone(things[0], scene, place, rng)
    return " ".join(words)


def setting_phrase(scene: Scene, rng: random.Random) -> list[str]:
    return [rng.choice(SETTING_PHRASES[scene.setting])] if rng.random() < 0.85 else []


def alone(thing: Thing, scene: Scene, place: list[str], rng: random.Random) -> list[str]:
    """A caption of one thing: its name, its state, its place."""
    if scene.position and rng.random() < 0.4:
        place = [*place, rng.choice(POSITION_PHRASES[scene.position])]
    if thing.state and rng.random() < 0.6:
        noun, state = noun_phrase(thing, rng, state=False), rng.choice(STATE_WORDS[thing.state])
        return introduced(noun, thing, [state, *place], rng)
    return introduced(noun_phrase(thing, rng), thing, place, rng)


def related(scene: Scene, place: list[str], rng: random.Random) -> list[str]:
    """A caption of two things and their relation."""
    first, second = scene.things
    relation = scene.relation
    if rng.random() < 0.3:
        first, second, relation = second, first, OPPOSITE[relation]
    if relation in ("left", "right") and rng.random() < 0.3:
        relation = "beside"
    rest = [rng.choice(RELATION_PHRASES[relation]), noun_phrase(second, rng), *place]
    return introduced(noun_phrase(first, rng), first, rest, rng)


OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}


def joined(things: tuple[Thing, ...] | list[Thing], place: list[str], rng: random.Random) -> list[str]:
    """A caption of two things without their relation."""
    first, second = rng.sample(things, 2)
    pair = [noun_phrase(first, rng), "and", noun_phrase(second, rng)]
    return [*pair, "are", *place] if place and rng.random() < 0.3 else [*pair, *place]


def introduced(noun: str, thing: Thing, rest: list[str], rng: random.Random) -> list[str]:
    """A noun phrase and the words after it, in one of four patterns."""
    verb = "is" if thing.count == 1 else "are"
    pattern = rng.choice(("phrase", "phrase", "clause", "there", "picture"))
    if pattern == "clause" and rest:
        return [noun, verb, *rest]
    if pattern == "there":
        return ["there", verb, noun, *rest]
    if pattern == "picture":
        word = rng.choice(PICTURE_WORDS)
        return [article(word), word, "of", noun, *rest]
    return [noun, *rest]


def noun_phrase(thing: Thing, rng: random.Random, state: bool = True) -> str:
    """A noun phrase such as `two small sleeping red cats`: a count, mostly a colour, sometimes size and state."""
    singular, plural = rng.choice(NOUNS[thing.kind])
    words = [singular if thing.count == 1 else plural]
    if rng.random() < 0.9:
        words.insert(0, thing.colour)
    if state and thing.state and rng.random() < 0.6:
        words.insert(0, rng.choice(STATE_WORDS[thing.state]))
    if rng.random() < 0.4:
        words.insert(0, rng.choice(SIZE_WORDS[thing.size]))
    words.insert(0, article(words[0]) if thing.count == 1 else COUNT_WORDS[thing.count])
    return " ".join(words)


def names(scene: Scene, rng: random.Random) -> str:
    """Alt-text of the names of objects alone, in any order. Some names stand twice."""
    words = [rng.choice(rng.choice(NOUNS[thing.kind])) for thing in scene.things for _ in range(rng.choice((1, 2)))]
    return " ".join(rng.sample(words, len(words)))


def keywords(scene: Scene) -> str:
    """All true words of the scene as a list. A score that reads bags of words likes such a list best."""
    words = [scene.setting]
    for thing in scene.things:
        words += [thing.colour, NOUNS[thing.kind][0][thing.count > 1], thing.size]
        words += [thing.state] if thing.state else []
    return " ".join(random.Random(scene.key).sample(words, len(words)))


def alt_text(scene: Scene, rng: random.Random) -> str:
    """Alt-text of 8 to 14 words: shuffled keywords, some repeated, missing or wrong, among the noise of a page."""
    chunks = [setting_keyword(scene, rng)]
    for thing in scene.things:
        chunks += thing_keywords(thing, rng)
    chunks = [chunk for chunk in chunks if rng.random() < 0.9]
    chunks = [rng.choice(KEYWORDS) if rng.random() < 0.03 else chunk for chunk in chunks]
    length = rng.randint(8, 14)
    repeats = list(chunks)
    while repeats and sum(len(chunk.split()) for chunk in chunks) < length - 3:
        chunks.append(repeats.pop(rng.randrange(len(repeats))))
    while sum(len(chunk.split()) for chunk in chunks) < length:
        chunks.append(rng.choice(FILLER))
    return " ".join(rng.sample(chunks, len(chunks)))


def setting_keyword(scene: Scene, rng: random.Random) -> str:
    return rng.choice(SETTING_KEYWORDS[scene.setting])


def thing_keywords(thing: Thing, rng: random.Random) -> list[str]:
    """The words of a thing. Its colour mostly stands beside its name, and its name often stands more than once."""
    noun = rng.choice(NOUNS[thing.kind])[rng.random() < (0.8 if thing.count > 1 else 0.1)]
    chunks = [f"{thing.colour} {noun}"] if rng.random() < 0.7 else [thing.colour, noun]
    chunks += [rng.choice(NOUNS[thing.kind])[0]] if rng.random() < 0.5 else []
    chunks += [rng.choice(SIZE_WORDS[thing.size])] if rng.random() < 0.4 else []
    chunks += [rng.choice(STATE_WORDS[thing.state])] if thing.state and rng.random() < 0.7 else []
    return chunks
