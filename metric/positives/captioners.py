"""Captions t' by a model of transformers that captions pictures, such as BLIP, GIT or a chat model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from metric.image_to_text.folder import PREFIX, model_folder
from metric.image_to_text.model import Beginning, load_model, quiet, refuse_blind
from metric.image_to_text.reader import Reader
from metric.positives.config import GenerationConfig
from metric.positives.units import Unit
from metric.runtime.precision import PRECISIONS

KNOWN = "Salesforce/blip-image-captioning-large"


class TransformersCaptions:
    """Captions by beam search, which do not depend on a seed. Raises ValueError for a model that cannot be loaded."""

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        name = self.model_name = config.text
        self.decoding = {"num_beams": config.beams, "max_new_tokens": config.max_length, "do_sample": False}
        try:
            folder = model_folder(name)
            with quiet():
                self.read = Reader(name, folder, config.text_prompt)
                self.model = load_model(name, folder, PRECISIONS[config.precision]).to(device)
                refuse_blind(name, self.read, self.model)
        except ValueError as error:
            raise ValueError(
                f"--text {name} is no image-to-text model that can be loaded; give none, renderer, a run, "
                f"a folder or a hub id such as {KNOWN} ({str(error).replace(PREFIX, '')})"
            ) from error

    @property
    def facts(self) -> dict[str, Any]:
        return {"model": self.model_name, "prompt": self.read.prompt, **self.decoding}

    @torch.no_grad()
    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        beginning = Beginning()
        with quiet():
            inputs = self.read(pictures).to(self.model.device, self.model.dtype)
            tokens = self.model.generate(**inputs, **self.decoding, logits_processor=[beginning])
        return [self.read.text(row[beginning.first :].tolist()) for row in tokens]
