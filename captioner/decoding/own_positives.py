"""Captions t' by a captioner of ours, for `captioner metric positives`; `metric` may not import this package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from PIL import Image

from captioner.config import Decode
from captioner.decoding.describer import Describer
from metric.positives.config import GenerationConfig
from metric.positives.units import Unit


class OwnCaptions:
    """The best caption of the beam of a run, decoded as `captioner caption` does."""

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        if config.text_prompt:
            raise ValueError("--text-prompt is for transformers models; a captioner of ours begins by itself")
        describer = Describer.from_pretrained(config.text, device=device)
        decode = Decode(config.beams, min(config.max_length, describer.decode.max_length))
        self.describe = Describer(describer.captioner, describer.clip, decode)
        self.facts: dict[str, Any] = {"model": config.text} | asdict(decode)

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return self.describe(pictures)
