"""Settings of the making and of the choice of synthetic positives. Each field is a flag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationConfig:
    """Settings that decide how positives are made. The device is the only other one."""

    text: str = "none"
    "maker of captions t': none, renderer (for scenes), a run folder, or a transformers model by id or folder"
    image: str = "none"
    "maker of pictures v': none, renderer (for scenes), or a diffusers pipeline by id or folder"
    per_picture: int = 1
    "pictures v' for each picture, drawn from its captions in turn; t' is always one"
    text_prompt: str = ""
    "beginning that the captioner continues, left out of t'"
    image_prompt: str = "{caption}"
    "prompt of v', with {caption} in place of the caption"
    beams: int = 5
    "beams of the captioner"
    max_length: int = 30
    "most tokens of a caption t'"
    steps: int = 0
    "denoising steps; 0 takes those of the pipeline"
    guidance: float = -1.0
    "guidance scale; a negative one takes that of the pipeline"
    size: int = 0
    "height and width of a generated v', in pixels; 0 takes those of the pipeline"
    stored: int = 512
    "longest side of a stored v', in pixels"
    clip: str = ""
    "CLIP of the similarity of picture and text; empty takes scenes-clip for scenes, else none"
    batch_size: int = 16
    "pictures at a time"
    shard_size: int = 512
    "pictures in a shard"
    precision: str = "fp32"
    "precision of captioner and pipeline: fp32, bf16 or fp16"
    seed: int = 0
    "seed of the positives, from which each picture gets a seed of its own"


@dataclass(frozen=True)
class FilterConfig:
    """Settings that decide which positives are used. A finished folder can be filtered anew."""

    min_similarity: float = -1.0
    "lowest cosine of picture and text among the positives that are used"
    drop: float = 0.0
    "share of the pictures v', and of the captions t', that is left out, the least similar first"


def check(config: GenerationConfig, filtering: FilterConfig) -> None:
    """Raises ValueError for settings that are out of range or contradict each other."""
    if config.text == config.image == "none":
        raise ValueError(
            "nothing is to be made, got neither --text nor --image; type --text MODEL, --image MODEL or both"
        )
    for name in ("per_picture", "beams", "max_length", "stored", "batch_size", "shard_size"):
        if getattr(config, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} is at least 1, got {getattr(config, name)}")
    if "{caption}" not in config.image_prompt:
        raise ValueError(
            f'--image-prompt says where the caption goes, as in "a photo of {{caption}}", got {config.image_prompt!r}'
        )
    if not 0 <= filtering.drop < 1:
        raise ValueError(f"--drop is a share, from 0 to less than 1, got {filtering.drop}")
    if filtering.drop and filtering.min_similarity > -1:
        raise ValueError("--drop and --min-similarity both choose the positives; give one of them")
    if filtering != FilterConfig() and not config.clip:
        raise ValueError("--drop and --min-similarity need the similarity of a CLIP, got none; give --clip")
