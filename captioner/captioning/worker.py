"""A loaded captioner that turns blocks of pictures into rows: the same in one process, in many, and under Ray."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from captioner.captioning.candidates import Wanted, candidates
from captioner.captioning.journal import Row
from captioner.config import Decode
from captioner.data import load
from captioner.data.blocks import Block
from captioner.decoding.describer import decode_of
from captioner.features.shelf import MemoryShelf, Shelf, begun
from captioner.features.store import Looked, look_at
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
class Model:
    """Where a captioner is and what it is run on."""

    name: str
    clip: str = ""
    """where its own CLIP is, when not where it was"""
    device: str = "auto"
    features: str = ""
    """folder of features, which are taken from there as far as they are known"""

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.name)

    def decode(self) -> Decode:
        """How the run itself decodes; of a model without a run, the default as far as it reads."""
        return decode_of(self.name)


class Worker:
    def __init__(self, model: Model, wanted: Wanted, images: str, split: str) -> None:
        self.device = device_of(model.device)
        self.wanted = wanted
        self.captioner = Captioner.from_pretrained(model.name).to(self.device)
        self.clip_name = model.clip or self.captioner.config.clip
        self.clip = load_clip(self.clip_name, self.device)
        self.captioner.config.refuse_other_clip(self.clip)
        if wanted.max_length > self.captioner.config.max_length:
            raise ValueError(
                f"the captioner reads {self.captioner.config.max_length} tokens at most, got {wanted.max_length}"
            )
        self.shelf: Shelf = begun(Path(model.features), self.clip) if model.features else MemoryShelf()
        self.reward = self.make_reward(images, split)

    def make_reward(self, images: str, split: str) -> Mix | None:
        """Rewards that want references get those of the data set for their document frequency."""
        if not self.wanted.rewards:
            return None
        specs = [parse(text) for text in self.wanted.rewards]
        wants = any("references" in find(spec.name).needs for spec in specs)
        examples = load(images, split) if wants else []
        return build(specs, Context(examples, self.clip_name, str(self.device), self.wanted.seed))

    def rows(self, blocks: Iterable[Block]) -> Iterator[list[Row]]:
        """Of each block, in its turn; pictures are read ahead, and pictures that cannot be read have a reason."""
        waiting: list[Block] = []

        def pictures() -> Iterator[list[Example]]:
            for block in blocks:
                waiting.append(block)
                yield block.examples

        for looked in look_at(pictures(), self.clip, self.shelf):
            yield self.rows_of(waiting.pop(0), looked)

    def rows_of(self, block: Block, looked: Looked) -> list[Row]:
        known = {example.id: example for example in block.examples}
        said = self.said([known[seen.id] for seen in looked.seen], self.features(looked)) if looked.seen else []
        reasons = {name: text.removeprefix(f"{known[name].image}: ") for name, text in looked.faults.items()}
        reasons |= {left.id: left.reason for left in block.left_out if left.what != "caption"}
        places = block.places()
        return [
            *(replace(row, order=places[row.id]) for row in said),
            *(Row(name, places.get(name, block.order), skipped=reason) for name, reason in reasons.items()),
        ]

    def features(self, looked: Looked) -> torch.Tensor:
        """`b p f` fp32, those that were known from the shelf."""
        kept = [seen.key for seen in looked.seen if seen.key not in looked.new]
        found = looked.new | (dict(zip(kept, self.shelf.rows(kept))) if kept else {})
        return torch.from_numpy(np.stack([found[seen.key] for seen in looked.seen])).float()

    def said(self, examples: list[Example], features: torch.Tensor) -> list[Row]:
        return candidates(self.captioner, features.to(self.device), examples, self.wanted, self.reward)
