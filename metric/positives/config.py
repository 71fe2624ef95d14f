"""Settings of synthetic positives: how they are made, and which of them are used. Each field is a flag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationConfig:
    """How positives are made: every setting that decides the result, except the device."""

    text: str = "none"
    "captioner of the pictures (t'): none, renderer for scenes, a run of ours, a transformers model by id or folder"
    image: str = "none"
    "painter of the captions (v'): none, renderer for scenes, a diffusers pipeline by id or folder"
    per_picture: int = 1
    "pictures v' for each picture, each made from another caption; there is one t'"
    text_prompt: str = ""
    "beginning that the captioner continues, left out of t'"
    image_prompt: str = "{caption}"
    "prompt of v', around {caption}"
    beams: int = 5
    "beams of the captioner"
    max_length: int = 30
    "most tokens of t'"
    steps: int = 0
    "denoising steps; 0: the pipeline's own"
    guidance: float = -1.0
    "guidance scale; negative: the pipeline's own"
    size: int = 0
    "height and width of a generated v'; 0: the pipeline's own"
    stored: int = 512
    "most pixels of the longer side of a stored v'"
    clip: str = ""
    "CLIP that measures the similarity of picture and text; empty: scenes-clip for scenes, else none"
    batch_size: int = 16
    "pictures at a time"
    shard_size: int = 512
    "pictures in a file"
    precision: str = "fp32"
    "precision of captioner and pipeline: fp32, bf16 or fp16"
    seed: int = 0
    "seed, which with id and number gives the seed of each picture"


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
        raise ValueError("nothing is to be made: give --text MODEL, --image MODEL or both")
    for name in ("per_picture", "beams", "max_length", "stored", "batch_size", "shard_size"):
        if getattr(config, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} is at least 1, got {getattr(config, name)}")
    if "{caption}" not in config.image_prompt:
        raise ValueError(
            f'--image-prompt says where the caption goes, as "a photo of {{caption}}"; got {config.image_prompt!r}'
        )
    if not 0 <= filtering.drop < 1:
        raise ValueError(f"--drop is a share, from 0 to less than 1, got {filtering.drop}")
    if filtering.drop and filtering.min_similarity > -1:
        raise ValueError("--drop and --min-similarity are two ways to say what is not used: give one")
    if filtering != FilterConfig() and not config.clip:
        raise ValueError("--drop and --min-similarity need a CLIP to say what is similar: give --clip")
