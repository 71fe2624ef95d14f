"""A loaded captioner that captions blocks of pictures: the same in one process, in several, and under Ray."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from captioner.captioning.candidates import CandidateSettings, candidates
from captioner.captioning.journal import Row
from captioner.config import Decode
from captioner.data import load
from captioner.data.blocks import Block
from captioner.decoding.describer import decode_of
from captioner.features.shelf import ContentShelf, Shelf, begun
from captioner.features.store import Looked, look_at, reasons
from captioner.model.encoder_decoder import Captioner
from captioner.runs.record import fingerprint_of
from metric.clip.load import load_clip
from metric.example import Example
from metric.runtime.device import device_of
from rewards import Context, build
from rewards.mix import Mix
from rewards.registry import find
from rewards.spec import parse


@dataclass(frozen=True)
class ModelSource:
    """The name of a captioner, and the device it runs on."""

    name: str
    clip: str = ""
    """the new place of its CLIP, if the CLIP has moved"""
    device: str = "auto"
    features: str = ""
    """folder of stored features; the features of other pictures are computed"""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the settings and the weights."""
        return fingerprint_of(self.name)

    def decode(self) -> Decode:
        """The decoding settings of the run that made the model, or the defaults without run.json."""
        return decode_of(self.name)


class Worker:
    """A captioner with its CLIP and the rewards. Raises ValueError when they do not fit each other."""

    def __init__(self, model: ModelSource, settings: CandidateSettings, images: str, split: str) -> None:
        self.device = device_of(model.device)
        self.settings = settings
        self.captioner = Captioner.from_pretrained(model.name).to(self.device)
        self.clip_name = model.clip or self.captioner.config.clip
        self.clip = load_clip(self.clip_name, self.device)
        self.captioner.config.refuse_other_clip(self.clip)
        self.captioner.config.refuse_longer(settings.max_length)
        self.captioner.config.refuse_guidance(settings.guidance)
        self.shelf: Shelf = begun(Path(model.features), self.clip) if model.features else ContentShelf()
        self.reward = self.make_reward(images, split)

    def make_reward(self, images: str, split: str) -> Mix | None:
        """Builds the rewards. Rewards that need references get the data set, for its document frequencies."""
        if not self.settings.rewards:
            return None
        specs = [parse(text) for text in self.settings.rewards]
        needs_references = any("references" in find(spec.name).needs for spec in specs)
        examples = load(images, split) if needs_references else []
        return build(specs, Context(examples, self.clip_name, str(self.device), self.settings.seed))

    def rows(self, blocks: Iterable[Block]) -> Iterator[list[Row]]:
        """Captions the blocks one after the other, and reads the pictures of the next block meanwhile.

        The row of a picture that cannot be read has the reason in `skipped`.
        """
        waiting: list[Block] = []

        def pictures() -> Iterator[list[Example]]:
            for block in blocks:
                waiting.append(block)
                yield block.examples

        for looked in look_at(pictures(), self.clip, self.shelf):
            yield self.rows_of(waiting.pop(0), looked)

    def rows_of(self, block: Block, looked: Looked) -> list[Row]:
        """The rows of one block."""
        examples = {example.id: example for example in block.examples}
        captioned = [examples[entry.id] for entry in looked.entries]
        rows = self.captions(captioned, self.features(looked)) if captioned else []
        left_out = reasons(looked.faults, block.examples)
        left_out |= {item.id: item.reason for item in block.left_out if item.kind != "caption"}
        places, seen = block.places(), {entry.id: [entry.state, entry.key] for entry in looked.entries}
        return [
            *(replace(row, order=places[row.id], picture=seen[row.id]) for row in rows),
            *(Row(name, places.get(name, block.order), skipped=reason) for name, reason in left_out.items()),
        ]

    def features(self, looked: Looked) -> torch.Tensor:
        """Features of the pictures of a block, `b p f` fp32: new features, and features on the shelf."""
        stored = [entry.key for entry in looked.entries if entry.key not in looked.new]
        features = looked.new | (dict(zip(stored, self.shelf.rows(stored))) if stored else {})
        return torch.from_numpy(np.stack([features[entry.key] for entry in looked.entries])).float()

    def captions(self, examples: list[Example], features: torch.Tensor) -> list[Row]:
        """A row for each example, from features `b p f`."""
        return candidates(self.captioner, features.to(self.device), examples, self.settings, self.reward)
