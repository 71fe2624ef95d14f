"""Where positives come from: a picture made for a caption (v') and a caption made for a picture (t').

Any generator serves through the two methods; one that has run already is read from its folder.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from metric.example import Example, Picture
from metric.scenes.world import Scene


class Positives(Protocol):
    """`caption` is the one of the example's that the step has drawn. None: there is no positive."""

    def image(self, example: Example, caption: str, rng: random.Random) -> Path | Picture | None: ...

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None: ...


class ScenePositives:
    """The renderer's: another picture of the same scene, and another wording of what it shows."""

    def image(self, example: Example, caption: str, rng: random.Random) -> Picture:
        return scene_of(example).again(rng.getrandbits(31))

    def text(self, example: Example, caption: str, rng: random.Random) -> str:
        from metric.scenes.language import references

        wordings = references(scene_of(example), n=2, seed=rng.getrandbits(31))
        return next(text for text in wordings if text != caption)


def scene_of(example: Example) -> Scene:
    if not isinstance(example.image, Scene):
        raise ValueError(f"the renderer makes positives for scenes only, {example.id} is {example.image}")
    return example.image


class ReferencePositives:
    """For pictures nothing was made for: t' is another human caption, v' there is none."""

    def image(self, example: Example, caption: str, rng: random.Random) -> None:
        return None

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None:
        others = [text for text in example.references if text != caption]
        return rng.choice(others) if others else None


class RecordedPositives:
    """positives.jsonl in a folder, one {"id", "caption", "image"} a line. Either may be missing, ids repeat.

    `image` is a path, seen from the folder.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "positives.jsonl"
        if not path.is_file():
            raise ValueError(f'{folder} has no positives.jsonl, with one {{"id", "caption", "image"}} a line')
        self.images: dict[str, list[Path]] = {}
        self.texts: dict[str, list[str]] = {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                row = json.loads(line)
                key = str(row["id"])
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise ValueError(f'{path}:{number} is not a JSON object with "id"') from error
            if row.get("image"):
                self.images.setdefault(key, []).append(folder / row["image"])
            if row.get("caption"):
                self.texts.setdefault(key, []).append(row["caption"])

    def image(self, example: Example, caption: str, rng: random.Random) -> Path | None:
        made = self.images.get(example.id)
        return rng.choice(made) if made else None

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None:
        made = self.texts.get(example.id)
        return rng.choice(made) if made else None


def positives_for(folder: Path | None, examples: Sequence[Example]) -> Positives:
    """Those recorded in `folder`; without one the renderer's for scenes, other references for photographs."""
    if folder:
        return RecordedPositives(folder)
    scenes = all(isinstance(example.image, Scene) for example in examples)
    return ScenePositives() if scenes else ReferencePositives()
