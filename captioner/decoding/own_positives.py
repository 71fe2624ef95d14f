"""Synthetic captions t' by a captioner of this package, for `captioner metric positives`.

The module is here because `metric` must not import `captioner`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from PIL import Image

from captioner.config import Decode
from captioner.decoding.describer import Describer
from metric.positives.config import GenerationConfig
from metric.positives.units import Unit


class OwnCaptions:
    """Captions pictures with a run, a model folder or a hub id, as `captioner caption` does."""

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        if config.text_prompt:
            raise ValueError("--text-prompt works with transformers models only; leave it out for a captioner")
        describer = Describer.from_pretrained(config.text, device=device)
        decode = describer.decode
        decode = replace(decode, beams=config.beams, max_length=min(config.max_length, decode.max_length))
        self.describe = Describer(describer.captioner, describer.clip, decode)
        always, usual = ("beams", "max_length"), asdict(Decode())
        told = {name: value for name, value in asdict(decode).items() if name in always or value != usual[name]}
        self.facts: dict[str, Any] = {"model": config.text} | told

    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        return self.describe(pictures)
