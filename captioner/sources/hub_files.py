"""What the files of a transformers model say to a captioner: its name on the command line, and how it decodes."""

from __future__ import annotations

from pathlib import Path

from captioner.config import Decode
from metric.image_to_text.folder import CONFIG, PREFIX, read
from metric.storage.paths import expanded

UNSAID = 30  # most tokens of a caption, where no file of the model says a number


def refuse_unprefixed(name: str) -> None:
    """Raises ValueError for the folder of a model of transformers that is typed without its prefix."""
    file = Path(expanded(name)) / CONFIG
    kind = read(file).get("model_type") if file.is_file() else None
    if kind and kind != "captioner":
        raise ValueError(f"{name} is a model of the type {kind}, and no captioner of this package; type {PREFIX}{name}")


def decode_of(folder: Path) -> Decode:
    """The decoding settings of the model's own files, with transformers' defaults for those that they leave open."""
    from transformers import AutoConfig, GenerationConfig

    try:
        own = GenerationConfig.from_pretrained(folder)
    except OSError:  # an older model, whose config.json has them
        own = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder))
    length = own.max_new_tokens or (own.max_length - 1 if own.max_length else UNSAID)  # without the token that begins
    return Decode(
        beams=own.num_beams or 1,
        max_length=max(length, 2),
        length_penalty=1.0 if own.length_penalty is None else float(own.length_penalty),
        no_repeat_ngram=own.no_repeat_ngram_size or 0,
    )
