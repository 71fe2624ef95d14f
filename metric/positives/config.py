"""Settings of the making and of the choice of synthetic positives. Each field is a flag."""

from __future__ import annotations

from dataclasses import dataclass

from metric.settings import SEED, Range, refuse_outside


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


PRECISIONS = ("fp32", "bf16", "fp16")
RANGES = {
    **dict.fromkeys(("per_picture", "beams", "max_length", "stored", "batch_size", "shard_size"), Range(1)),
    **dict.fromkeys(("steps", "size"), Range(0)),
    **{"seed": SEED, "min_similarity": Range(-1, 1), "drop": Range(0, 1, open_most=True)},
}


def check(config: GenerationConfig, filtering: FilterConfig) -> None:
    """Raises ValueError for settings that are out of range or contradict each other."""
    if config.text == config.image == "none":
        raise ValueError("no positives are asked for; give --text MODEL, --image MODEL or both")
    refuse_outside(vars(config) | vars(filtering), RANGES)
    if config.precision not in PRECISIONS:
        raise ValueError(f"--precision is one of {', '.join(PRECISIONS)}, got {config.precision!r}")
    if "{caption}" not in config.image_prompt:
        raise ValueError(
            f'--image-prompt must contain {{caption}}, as "a photo of {{caption}}", got {config.image_prompt!r}'
        )
    if filtering.drop and filtering.min_similarity > -1:
        raise ValueError("--drop and --min-similarity both choose the positives to leave out; give one of them")
    if filtering != FilterConfig() and not config.clip:
        raise ValueError("--drop and --min-similarity need a CLIP that measures similarity; give --clip")
