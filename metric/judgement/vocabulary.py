"""The words of the audit: what names a thing, what has a function only, and how a caption is taken apart.

These lists are the audit's own. Those of the trainer (`metric.negatives.words`) are others.
"""

from __future__ import annotations

import re

from metric.example import Example
from metric.scenes.words import NOUNS
from metric.scenes.world import Scene
from metric.scores.repetition import BAD_ENDINGS

FUNCTION_WORDS = BAD_ENDINGS | frozenset(
    "and or but as by from into onto over under up down out off through while that this these those his her its their "
    "it he she they be been being was were has have had there which who some".split()
)


def kinds(*lines: str) -> list[tuple[str, str]]:
    """`man/men woman/women` -> pairs of singular and plural."""
    return [(one, many) for line in lines for one, _, many in (pair.partition("/") for pair in line.split())]


SCENE_NOUNS = [pair for pairs in NOUNS.values() for pair in pairs]
PHOTO_NOUNS = kinds(
    "man/men woman/women boy/boys girl/girls child/children person/people player/players baby/babies",
    "dog/dogs cat/cats horse/horses bird/birds cow/cows sheep/sheep elephant/elephants bear/bears zebra/zebras",
    "car/cars bus/buses train/trains bicycle/bicycles motorcycle/motorcycles boat/boats truck/trucks plane/planes",
    "ball/balls umbrella/umbrellas hat/hats shirt/shirts table/tables bench/benches chair/chairs laptop/laptops",
    "street/streets beach/beaches field/fields park/parks kitchen/kitchens mountain/mountains pool/pools tree/trees",
    "pizza/pizzas cake/cakes sandwich/sandwiches banana/bananas surfboard/surfboards skateboard/skateboards",
)
PERSON = ("person", "people")
PEOPLE = frozenset("man woman boy girl child player baby".split())  # each of whom is a person


def nouns_of(example: Example) -> list[tuple[str, str]]:
    return SCENE_NOUNS if isinstance(example.image, Scene) else PHOTO_NOUNS


def bare(caption: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", caption.lower())


def is_content(word: str) -> bool:
    return any(sign.isalnum() for sign in word) and word.lower().strip(".,!?;:") not in FUNCTION_WORDS


def ended(caption: str) -> str:
    """The caption without its final stop, so that more words can follow."""
    return caption.rstrip(" .!?")
