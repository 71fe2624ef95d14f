"""A scene as a graph of things, drawn at random: the source of each picture and caption.

A scene has a setting and one or two things. A thing is a kind, a colour, a size, a count and perhaps a state;
two things stand in a relation, one thing has a position. `look` alone decides what the graph leaves open (the exact
place, tint and texture), so the same graph with another look is another picture of the same scene.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

ANIMALS = ("cat", "dog", "bird", "fish", "rabbit", "snail", "butterfly", "turtle")
VEHICLES = ("car", "bus", "boat", "plane", "bicycle", "rocket")
LIGHTS = ("lamp", "house")
OTHERS = ("ball", "balloon", "kite", "umbrella", "cup", "chair", "hat", "flower")
KINDS = ANIMALS + VEHICLES + LIGHTS + OTHERS
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "black", "white")
SIZES = ("small", "large")
SETTINGS = ("beach", "meadow", "snow", "desert", "city", "room", "forest", "mountains")
RELATIONS = ("left", "right", "above", "below")  # where the first thing is, seen from the second
POSITIONS = ("left", "middle", "right")  # where a thing alone is
STATES = {
    **dict.fromkeys(ANIMALS, ("sleeping", "jumping")),
    **dict.fromkeys(VEHICLES, ("moving",)),
    **dict.fromkeys(LIGHTS, ("glowing",)),
    **dict.fromkeys(OTHERS, ()),
}

# Each split draws from its own seeds; `ood` holds only the combinations that the others never hold.
SPLITS = {"train": 0, "val": 10_000_000, "test": 20_000_000, "ood": 30_000_000}


@dataclass(frozen=True)
class Thing:
    """`count` equal objects that stand together. `state` is "" without a state."""

    kind: str
    colour: str
    size: str
    count: int = 1
    state: str = ""


@dataclass(frozen=True)
class Scene:
    """One or two things in a setting. `relation` is "" for one thing, `position` is "" for two things."""

    setting: str
    things: tuple[Thing, ...]
    relation: str = ""
    position: str = ""
    look: int = 0

    @property
    def key(self) -> str:
        return repr(self)

    def draw(self) -> Image.Image:
        from metric.scenes.draw import draw

        return draw(self)

    def again(self, look: int) -> Scene:
        """The same scene, drawn by another seed."""
        return replace(self, look=look)


def held_out(scene: Scene) -> bool:
    """Whether training never sees this object-colour-relation, as for about one pair of things in eight."""
    if not scene.relation:
        return False
    first = scene.things[0]
    code = KINDS.index(first.kind) + 3 * COLOURS.index(first.colour) + 5 * RELATIONS.index(scene.relation)
    return code % 8 == 0


def sample(split: str, index: int) -> Scene:
    """The scene number `index` of a split. Every machine draws the same scene."""
    if split not in SPLITS:
        raise ValueError(f"scenes have the splits {', '.join(SPLITS)}, got {split!r}")
    rng = random.Random(SPLITS[split] + index)
    while True:
        scene = draw_lots(rng)
        if held_out(scene) == (split == "ood"):
            return scene


def draw_lots(rng: random.Random) -> Scene:
    """A scene of one thing (two scenes in five) or of two different kinds."""
    setting, look = rng.choice(SETTINGS), rng.getrandbits(31)
    if rng.random() < 0.4:
        thing = draw_thing(rng, rng.choice(KINDS), most=3)
        return Scene(setting, (thing,), position=rng.choice(POSITIONS), look=look)
    first, second = rng.sample(KINDS, 2)
    things = draw_thing(rng, first, most=2), draw_thing(rng, second, most=2)
    return Scene(setting, things, relation=rng.choice(RELATIONS), look=look)


def draw_thing(rng: random.Random, kind: str, most: int) -> Thing:
    """A thing of one object, or less often of several. Two things in five have a state, where their kind has states."""
    count = rng.choices(range(1, most + 1), weights=(6, 1, 1)[:most])[0]
    state = rng.choice(STATES[kind]) if STATES[kind] and rng.random() < 0.4 else ""
    return Thing(kind, rng.choice(COLOURS), rng.choice(SIZES), count, state)
