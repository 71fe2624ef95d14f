"""A captioner of this package as a source of captions.

Axes: b pictures, k candidates of each, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from captioner.config import Decode
from captioner.decoding.best_of import lots
from captioner.decoding.describer import decode_of
from captioner.decoding.fixed_shapes import FixedShapes
from captioner.decoding.generate import generate
from captioner.features.shelf import ContentShelf, Shelf, begun
from captioner.features.store import Looked, look_at
from captioner.model.encoder_decoder import Captioner
from captioner.runs.record import fingerprint_of
from captioner.sources.protocol import Candidates, Seen
from captioner.sources.settings import CandidateSettings
from metric.clip.load import load_clip
from metric.example import Example
from metric.runtime.device import device_of, sent


@dataclass(frozen=True)
class OwnSource:
    """The name of a captioner, and the device it runs on."""

    name: str
    clip: str = ""
    """the new place of its CLIP, if the CLIP has moved"""
    device: str = "auto"
    features: str = ""
    """folder of stored features; the features of other pictures are computed"""
    compiled: int = 0
    """pictures of a block whose decoding steps are compiled, see `FixedShapes`; 0 compiles none"""

    @property
    def settings(self) -> dict[str, Any]:
        """Fingerprint of the settings and the weights. Compiled steps round in their own way."""
        return {"model": fingerprint_of(self.name)} | ({"compiled": self.compiled} if self.compiled else {})

    def decode(self) -> Decode:
        """The decoding settings of the run that made the model, or the defaults without run.json."""
        return decode_of(self.name)

    def load(self, settings: CandidateSettings) -> OwnCaptions:
        return OwnCaptions(self, settings)


class OwnCaptions:
    """A captioner with its CLIP. Raises ValueError when they do not fit each other, or the settings."""

    def __init__(self, source: OwnSource, settings: CandidateSettings) -> None:
        self.device = device_of(source.device)
        self.settings = settings
        self.captioner = Captioner.from_pretrained(source.name).to(self.device)
        self.clip = source.clip or self.captioner.config.clip
        self.tower = load_clip(self.clip, self.device)
        self.captioner.config.refuse_other_clip(self.tower)
        self.captioner.config.refuse_longer(settings.max_length)
        self.captioner.config.refuse_guidance(settings.guidance)
        self.whole, self.compiled = source.compiled, None
        if source.compiled:
            self.compiled = FixedShapes(self.captioner, settings.max_length, compile=True)
        self.shelf: Shelf = begun(Path(source.features), self.tower) if source.features else ContentShelf()

    def see(self, blocks: Iterable[Sequence[Example]]) -> Iterator[Seen]:
        for looked in look_at(blocks, self.tower, self.shelf):
            examples = {example.id: example for example in looked.examples}
            found = [examples[entry.id] for entry in looked.entries]
            yield Seen(found, self.stacked(looked) if found else None, looked.entries, looked.faults)

    def stacked(self, looked: Looked) -> torch.Tensor:
        """Features of the pictures of a block, `b p f` fp32: new features, and features on the shelf."""
        stored = [entry.key for entry in looked.entries if entry.key not in looked.new]
        features = looked.new | (dict(zip(stored, self.shelf.rows(stored))) if stored else {})
        return torch.from_numpy(np.stack([features[entry.key] for entry in looked.entries])).float()

    def make(self, seen: Seen) -> Candidates:
        settings = self.settings
        names = [example.id for example in seen.examples]
        generated = generate(
            self.captioner,
            sent(seen.content, self.device),
            method=settings.method,
            k=settings.candidates,
            max_length=settings.max_length,
            temperature=settings.temperature,
            top_p=settings.top_p,
            length_penalty=settings.length_penalty,
            no_repeat_ngram=settings.no_repeat_ngram,
            guidance=settings.guidance,
            lots=lots(names, settings.candidates, settings.max_length, settings.seed),
            decoder=self.compiled if len(names) == self.whole else None,  # each other size would be compiled anew
        )
        return Candidates(generated.captions, generated.log_probabilities.cpu())
