"""The example of the authors of PAC-S (github.com/aimagelab/pacscore): their published values beside ours.

DIR/good_captions.json bad_captions.json    {picture: caption}
DIR/refs.json                               {picture: [caption, ...]}
DIR/images/PICTURE.jpg                      or .jpeg, .png
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from captioner.data.caption_files import read_captions
from metric.evaluation import evaluate
from metric.example import Example
from metric.judgement.benchmark_files import Pictures, read_json

SCORES = {"pac_s": "PAC-S", "ref_pac_s": "RefPAC-S"}
# score -> of the good and of the bad captions, with CLIP ViT-B/32, from the README
PUBLISHED = {"pac_s": {"good": 0.8264, "bad": 0.5772}, "ref_pac_s": {"good": 0.8393, "bad": 0.6357}}
WEIGHTS = "the authors' PAC-S of ViT-B/32"
CAPTIONS = "a9984e50ac52"  # of the digest of the authors' captions
TOLERANCE = 0.002  # their pictures are JPEG, which libraries decode a little differently


@dataclass(frozen=True)
class AuthorsExample:
    """The pictures with references, and the captions by quality and picture."""

    examples: tuple[Example, ...]
    captions: dict[str, dict[str, str]]

    @classmethod
    def read(cls, folder: Path) -> AuthorsExample:
        """The example in a folder. Raises ValueError for a folder without one of its files."""
        for name in ("good_captions.json", "bad_captions.json", "refs.json", "images"):
            if not (folder / name).exists():
                raise ValueError(f"--example {folder} has no {name}; give the folder example/ of aimagelab/pacscore")
        captions = {quality: read_captions(folder / f"{quality}_captions.json") for quality in ("good", "bad")}
        references = read_json(folder / "refs.json", dict)
        examples = []
        for name in captions["good"]:
            pictures = [Pictures.below(folder, "images")(f"{name}{ending}") for ending in (".jpg", ".jpeg", ".png")]
            found = [picture for picture in pictures if picture.is_file()]
            if not found or name not in references or name not in captions["bad"]:
                raise ValueError(f"--example {folder} has no picture, references or bad caption of {name!r}")
            texts = references[name]
            if not (isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)):
                raise ValueError(f"--example {folder}: refs.json has no list of captions for {name!r}")
            examples.append(Example(name, found[0], tuple(texts)))
        return cls(tuple(examples), captions)

    @property
    def digest(self) -> str:
        """Digits over the captions, by which the authors' own are known."""
        return hashlib.sha256(json.dumps(self.captions, sort_keys=True).encode()).hexdigest()[: len(CAPTIONS)]

    def lines(self, checkpoint: str, weights: str) -> Iterator[str]:
        """Ours by the CLIP in the folder `checkpoint`, beside the published values where `weights` are those."""
        comparable = weights == WEIGHTS and self.digest == CAPTIONS
        for quality, captions in self.captions.items():
            specs = [f"pac_s:checkpoint={checkpoint}", "ref_pac_s"]
            found = evaluate(captions, self.examples, specs).corpus
            for score, title in SCORES.items():
                published = f", {beside(found[score], PUBLISHED[score][quality])}" if comparable else ""
                yield f"example, {quality} captions: {title} {found[score]:.4f}{published}"
        if self.digest != CAPTIONS:
            yield "these are not the captions of the authors' example, so their published values are not comparable"
        elif weights != WEIGHTS:
            yield f"the published values of the example are of {WEIGHTS}, this is {weights}"


def beside(ours: float, published: float) -> str:
    return f"published {published:.4f}: {'agrees' if abs(ours - published) <= TOLERANCE else 'differs'}"
