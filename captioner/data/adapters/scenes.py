"""The embedded world of scenes, drawn by seed: nothing is read from disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from metric.example import Example
from metric.scenes.language import alt_text, keywords, names, references
from metric.scenes.world import SPLITS, Scene, sample

HELD_OUT = 1000  # scenes of val, test and ood each
# The texts of an example: five references, or texts as on the web (five different ones a picture).
TEXTS: dict[str, Callable[[Scene], tuple[str, ...]]] = {
    "references": references,
    "alt": lambda scene: tuple(alt_text(scene, random.Random(f"{scene.key}|{n}")) for n in range(5)),
    "names": lambda scene: tuple(names(scene, random.Random(f"{scene.key}|{n}")) for n in range(5)),
    "keywords": lambda scene: (keywords(scene),),
    "all": lambda scene: (*TEXTS["references"](scene), *TEXTS["alt"](scene)),
}


def scenes(split: str, count: int = 4000, text: str = "references", first: int = 0) -> list[Example]:
    """`count` scenes of train from number `first`, or all 1,000 scenes of val, test or ood."""
    if text not in TEXTS:
        raise ValueError(f"scenes:text must be one of {', '.join(TEXTS)}, got {text!r}")
    if split not in SPLITS:
        raise ValueError(f"scenes has the splits {', '.join(SPLITS)}, got {split!r}")
    numbers = range(first, first + count) if split == "train" else range(HELD_OUT)
    return [example(split, number, text) for number in numbers]


def scenes_splits(**_: Any) -> list[str]:
    return list(SPLITS)


def example(split: str, number: int, text: str) -> Example:
    scene: Scene = sample(split, number)
    return Example(f"{split}-{number:06d}", scene, tuple(TEXTS[text](scene)))
