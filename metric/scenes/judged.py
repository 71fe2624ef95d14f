"""Captions of graded quality with an exact score: the counterpart of human judgements for scenes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from metric.example import Example
from metric.scenes.language import sentence
from metric.scenes.truth import quality
from metric.scenes.world import COLOURS, KINDS, STATES, Scene, Thing


def judged_set(examples: Iterable[Example], seed: int = 0) -> list[tuple[Example, str, float]]:
    """Seven captions of each picture. Each has its exact quality, 0 to 1, by `truth.quality`."""
    scenes = [(example, example.image) for example in examples if isinstance(example.image, Scene)]
    judged = []
    for number, (example, scene) in enumerate(scenes):
        _, other = scenes[number - 1]
        judged += [(example, text, quality(text, scene)) for text in candidates(scene, other, seed)]
    return judged


def candidates(scene: Scene, other: Scene, seed: int = 0) -> list[str]:
    """The seven captions: true, one detail wrong, object swapped, shuffled, repeated, cut, of another picture."""
    rng = random.Random(f"{scene.key}|judged|{seed}")
    right = sentence(scene, rng)
    words = right.split()
    again = rng.randrange(len(words))
    return [
        right,
        sentence(changed(scene, recoloured, rng), rng),
        sentence(changed(scene, swapped, rng), rng),
        " ".join(rng.sample(words, len(words))),
        " ".join(words[: again + 1] + words[again:] + words[-1:] * 2),
        " ".join(words[: max(2, 2 * len(words) // 3)]),
        sentence(other, rng),
    ]


Change = Callable[[Thing, set[str], random.Random], Thing]


def changed(scene: Scene, change: Change, rng: random.Random) -> Scene:
    """The scene with one thing changed."""
    things = list(scene.things)
    at = rng.randrange(len(things))
    things[at] = change(things[at], {thing.kind for thing in things}, rng)
    return replace(scene, things=tuple(things))


def recoloured(thing: Thing, present: set[str], rng: random.Random) -> Thing:
    return replace(thing, colour=rng.choice([colour for colour in COLOURS if colour != thing.colour]))


def swapped(thing: Thing, present: set[str], rng: random.Random) -> Thing:
    """The same thing of another kind. The state stays where the other kind can be in the same state."""
    kind = rng.choice([kind for kind in KINDS if kind not in present])
    return replace(thing, kind=kind, state=thing.state if thing.state in STATES[kind] else "")
