"""Pictures v' by a diffusers text-to-image pipeline: Stable Diffusion 1.x, 2, XL, 3.5, FLUX, by hub id or folder."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from PIL import Image

from metric.positives.config import GenerationConfig
from metric.positives.units import Unit
from metric.runtime.precision import PRECISIONS
from metric.runtime.progress import without_bars
from metric.storage.hub import from_cache_alone

KNOWN = "stabilityai/stable-diffusion-2-1"


class PipelinePictures:
    """Pictures whose noise comes from the seed of their unit. The noise is drawn on the CPU, equal for every device."""

    suffix = "jpg"

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        self.model_name, self.prompt = config.image, config.image_prompt
        self.pipeline = load_pipeline(config.image, PRECISIONS[config.precision]).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.settings = {
            **({"num_inference_steps": config.steps} if config.steps else {}),
            **({"guidance_scale": config.guidance} if config.guidance >= 0 else {}),
            **({"height": config.size, "width": config.size} if config.size else {}),
        }

    @property
    def facts(self) -> dict[str, Any]:
        """Model, pipeline and settings, with steps and guidance even if they are the defaults of the pipeline."""
        defaults = default_settings(self.pipeline)
        return {"model": self.model_name, "pipeline": type(self.pipeline).__name__, **defaults, **self.settings}

    def __call__(self, units: Sequence[Unit]) -> list[Image.Image | None]:
        output = self.pipeline(
            prompt=[self.prompt.replace("{caption}", unit.caption) for unit in units],
            generator=[torch.Generator().manual_seed(unit.seed) for unit in units],
            **self.settings,
        )
        # the safety checker's blackened pictures
        withheld = output.get("nsfw_content_detected") or [False] * len(units)
        return [None if black else picture for picture, black in zip(output.images, withheld)]


def load_pipeline(name: str, dtype: torch.dtype) -> Any:
    """A text-to-image pipeline of diffusers. Raises ValueError for one that cannot be loaded or takes no prompt."""
    try:
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging
    except ImportError as error:
        raise ValueError("diffusers is not installed; pip install 'captioner[generators]'") from error
    try:
        with without_bars(logging):
            pipeline = DiffusionPipeline.from_pretrained(name, dtype=dtype, local_files_only=from_cache_alone(name))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--image {name} is no text-to-image pipeline that can be loaded; give none, renderer, a folder "
            f"or a hub id such as {KNOWN} ({str(error).strip().splitlines()[0]})"
        ) from error
    if not {"prompt", "generator"} <= set(parameters(pipeline)):
        raise ValueError(
            f"--image {name} is a {type(pipeline).__name__}, without a prompt; give a text-to-image pipeline"
        )
    return pipeline


def default_settings(pipeline: Any) -> dict[str, Any]:
    """The pipeline's defaults of steps and guidance."""
    declared = parameters(pipeline)
    return {name: declared[name].default for name in ("num_inference_steps", "guidance_scale") if name in declared}


def parameters(pipeline: Any) -> dict[str, Any]:
    return dict(signature(type(pipeline).__call__).parameters)
