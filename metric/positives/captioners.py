"""Captions t' by a transformers image-to-text model that `AutoModelForImageTextToText` loads, such as BLIP or GIT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from metric.positives.config import GenerationConfig
from metric.positives.units import Unit
from metric.runtime.precision import PRECISIONS
from metric.storage.hub import from_cache_alone

KNOWN = "Salesforce/blip-image-captioning-large"


class TransformersCaptions:
    """Captions by beam search, which do not depend on a seed. Raises ValueError for a model that cannot be loaded."""

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.prompt, self.model_name = config.text_prompt, config.text
        self.decoding = {"num_beams": config.beams, "max_new_tokens": config.max_length, "do_sample": False}
        dtype = PRECISIONS[config.precision]
        try:
            local = from_cache_alone(config.text)
            self.processor = AutoProcessor.from_pretrained(config.text, local_files_only=local)
            model = AutoModelForImageTextToText.from_pretrained(config.text, dtype=dtype, local_files_only=local)
            self.model = model.to(device).eval()
        except (OSError, ValueError) as error:
            raise ValueError(
                f"--text {config.text} is no image-to-text model that can be loaded; give none, renderer, a run, "
                f"a folder or a hub id such as {KNOWN} ({str(error).strip().splitlines()[0]})"
            ) from error

    @property
    def facts(self) -> dict[str, Any]:
        return {"model": self.model_name, "prompt": self.prompt, **self.decoding}

    @torch.no_grad()
    def __call__(self, units: Sequence[Unit], pictures: Sequence[Image.Image]) -> list[str]:
        prompts = {"text": [self.prompt] * len(pictures)} if self.prompt else {}
        inputs = self.processor(images=list(pictures), return_tensors="pt", padding=True, **prompts)
        tokens = self.model.generate(**inputs.to(self.model.device, self.model.dtype), **self.decoding)
        texts = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [without_prompt(text.strip(), self.prompt.strip()) for text in texts]


def without_prompt(text: str, prompt: str) -> str:
    """A caption without the prompt, which BLIP (in lower case) and decoder-only models repeat."""
    return text[len(prompt) :].strip() if text.lower().startswith(prompt.lower()) else text
