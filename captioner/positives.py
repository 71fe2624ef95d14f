"""Captions t' by a captioner of ours, for `captioner metric positives`; `metric` may not import this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from captioner.captioning.worker import Model
from captioner.checkpoint import model_folder
from captioner.generate import generate
from captioner.models.captioner import Captioner
from captioner.models.towers import grid_features
from metric.clip import load_clip
from metric.generators.config import GenerationConfig
from metric.generators.units import Unit


class OwnCaptions:
    """The best caption of the beam of a run, decoded as `captioner caption` does."""

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        if config.text_prompt:
            raise ValueError("--text_prompt is for transformers models; a captioner of ours begins by itself")
        self.captioner = Captioner.from_pretrained(model_folder(config.text)).to(device)
        self.clip = load_clip(self.captioner.config.clip, device)
        self.captioner.config.refuse_other_clip(self.clip)
        decode = Model(config.text).decode()
        self.beams, self.max_length = config.beams, min(config.max_length, decode.max_length)
        self.facts: dict[str, Any] = {"model": config.text, "beams": self.beams, "max_length": self.max_length}

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        pixels = torch.stack([self.clip.preprocess(picture) for picture in pictures])
        features = grid_features(self.clip, pixels)
        found = generate(self.captioner, features, method="beam", k=self.beams, max_length=self.max_length)
        return [str(beams[0]) for beams in found.captions]
