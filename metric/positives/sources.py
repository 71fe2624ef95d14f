"""Sources of positives: a picture made for a caption (v') and a caption made for a picture (t').

Any object with the two methods of `Positives` is a source. `RecordedPositives` reads the shards that
`captioner metric positives` wrote.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from metric.example import Example, Picture
from metric.images import InTar
from metric.positives.filter import read_about, used
from metric.positives.shards import Sample, read, shards_in
from metric.readable import picture_faults
from metric.runtime.progress import watched
from metric.scenes.world import Scene
from metric.storage.ledger import report_all


class Positives(Protocol):
    """A source. `caption` is the caption of the example that a step has drawn. None stands for no positive.

    A positive depends on the arguments alone, and is made on the CPU: a training on a GPU asks in other processes.
    """

    def image(self, example: Example, caption: str, rng: random.Random) -> Path | Picture | None: ...

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None: ...


class ScenePositives:
    """Positives of drawn scenes: another picture and another wording of the same scene."""

    def image(self, example: Example, caption: str, rng: random.Random) -> Picture:
        return scene_of(example).again(rng.getrandbits(31))

    def text(self, example: Example, caption: str, rng: random.Random) -> str:
        from metric.scenes.language import references

        wordings = references(scene_of(example), n=2, seed=rng.getrandbits(31))
        return next(text for text in wordings if text != caption)


def scene_of(example: Example) -> Scene:
    if not isinstance(example.image, Scene):
        raise ValueError(f"the renderer makes positives for scenes only, got {example.id}, {example.image}")
    return example.image


class ReferencePositives:
    """Positives of photographs without generated ones: t' is another reference, and there is no v'."""

    def image(self, example: Example, caption: str, rng: random.Random) -> None:
        return None

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None:
        others = [text for text in example.references if text != caption]
        return rng.choice(others) if others else None


class RecordedPositives:
    """Positives in webdataset shards: `.jpg` or `.png`, `.txt`, `.json` with "id".

    Texts are in memory, pictures stay in their shards. A picture made from the drawn caption is preferred to other
    pictures of the example. Raises ValueError for a folder without shards or with too few.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, about, shards = folder, read_about(folder), shards_in(folder)
        if not shards:
            raise ValueError(f"{folder} has no shards; make them with captioner metric positives --out {folder}")
        if about and "filter" not in about:
            raise ValueError(
                f"{folder} has {len(shards)} of {about['shards']} shards; run the command that made them again"
            )
        self.images: dict[str, list[tuple[str, InTar]]] = {}
        self.texts: dict[str, list[str]] = {}
        self.dropped = {"image": 0, "text": 0}
        unread: list[str] = []
        for sample in watched(read(shards), "positives of sample", part=True):
            self.take(sample, about)
            unread += sample.unread
        report_all(str(folder), dict.fromkeys(unread, "positives are .txt, .json and pictures"))

    def take(self, sample: Sample, about: dict[str, Any]) -> None:
        name = sample.record["id"]
        if sample.image and self.passes(sample, "image", about):
            self.images.setdefault(name, []).append((sample.record.get("caption", ""), sample.image))
        if sample.text and self.passes(sample, "text", about):
            self.texts.setdefault(name, []).append(sample.text)

    def leave_out_damaged(self) -> None:
        """Leaves out pictures that cannot be read. They would end the training at the step that draws them."""
        faults = picture_faults([picture for made in self.images.values() for _, picture in made])
        report_all(str(self.folder), {str(picture): why for picture, why in faults.items()})
        if faults:
            sound = {name: [pair for pair in made if pair[1] not in faults] for name, made in self.images.items()}
            self.images = {name: made for name, made in sound.items() if made}

    def passes(self, sample: Sample, kind: str, about: dict[str, Any]) -> bool:
        passed = used(sample, kind, about)
        self.dropped[kind] += not passed
        return passed

    def image(self, example: Example, caption: str, rng: random.Random) -> InTar | None:
        pictures = self.images.get(example.id, [])
        fitting = [picture for source, picture in pictures if source == caption] or [picture for _, picture in pictures]
        return rng.choice(fitting) if fitting else None

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None:
        texts = self.texts.get(example.id)
        return rng.choice(texts) if texts else None

    def coverage(self, examples: Sequence[Example]) -> str:
        """A line with the number of examples that have no positives. Raises ValueError when no example has any."""
        counts = {
            "v'": (sum(example.id in self.images for example in examples), self.dropped["image"]),
            "t'": (sum(example.id in self.texts for example in examples), self.dropped["text"]),
        }
        if not any(count for count, _ in counts.values()):
            raise ValueError(
                f"{self.folder} has no positives for any of {len(examples)} pictures; give the folder of these data"
            )
        missing = [f"{len(examples) - n} without {kind} ({lost} filtered out)" for kind, (n, lost) in counts.items()]
        return f"{self.folder}: of {len(examples)} pictures {' and '.join(missing)}"


def positives_for(folder: Path | None, examples: Sequence[Example]) -> Positives:
    """The positives in `folder`; without one the renderer's for scenes, and other references for photographs."""
    if folder:
        recorded = RecordedPositives(folder)
        recorded.leave_out_damaged()
        print(recorded.coverage(examples))
        return recorded
    scenes = all(isinstance(example.image, Scene) for example in examples)
    return ScenePositives() if scenes else ReferencePositives()
