"""Settings of synthetic positives: how they are made, and which of them are used. Each field is a flag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationConfig:
    """How positives are made: every setting that decides the result, except the device."""

    text: str = "none"
    "who captions the pictures (t'): none, renderer for scenes, a run of ours, a transformers model by id or folder"
    image: str = "none"
    "who draws the captions (v'): none, renderer for scenes, a diffusers pipeline by id or folder"
    per_picture: int = 1
    "pictures v' for each picture: the n-th is made from its n-th caption; t' is one"
    text_prompt: str = ""
    "beginning that the captioner continues; it is not part of t'"
    image_prompt: str = "{caption}"
    "prompt of v', around {caption}"
    beams: int = 5
    "of the captioner"
    max_length: int = 30
    "most tokens of t'"
    steps: int = 0
    "denoising steps; 0: the pipeline's own"
    guidance: float = -1.0
    "guidance scale; negative: the pipeline's own"
    size: int = 0
    "height and width that v' is generated at; 0: the pipeline's own"
    stored: int = 512
    "longer side that v' is stored at, at most"
    clip: str = ""
    "CLIP that says how well each fits; empty: scenes-clip for scenes, none else"
    batch_size: int = 16
    "pictures at a time"
    shard_size: int = 512
    "pictures in a file"
    precision: str = "fp32"
    "of captioner and pipeline: fp32, bf16 or fp16"
    seed: int = 0
    "with a picture's id and number it gives that picture's own seed"


@dataclass(frozen=True)
class FilterConfig:
    """Which positives are used. A folder that is made already can be filtered anew."""

    min_similarity: float = -1.0
    "lowest cosine between picture and text that is used"
    drop: float = 0.0
    "share of the least similar pictures, and of captions, that is not used"


def check(config: GenerationConfig, filtering: FilterConfig) -> None:
    """Raises ValueError for settings that are out of range or contradict each other."""
    if config.text == config.image == "none":
        raise ValueError("no positives are asked for; give --text MODEL, --image MODEL or both")
    for name in ("per_picture", "beams", "max_length", "stored", "batch_size", "shard_size"):
        if getattr(config, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(config, name)}")
    if "{caption}" not in config.image_prompt:
        raise ValueError(
            f'--image-prompt must contain {{caption}}, as "a photo of {{caption}}", got {config.image_prompt!r}'
        )
    if not 0 <= filtering.drop < 1:
        raise ValueError(f"--drop must be a share, from 0 to less than 1, got {filtering.drop}")
    if filtering.drop and filtering.min_similarity > -1:
        raise ValueError("--drop and --min-similarity both choose the positives to leave out; give one of them")
    if filtering != FilterConfig() and not config.clip:
        raise ValueError("--drop and --min-similarity need a CLIP that measures similarity; give --clip")
