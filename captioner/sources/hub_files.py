"""The folder of a transformers model that captions pictures: found, checked, and named by its content.

Nothing is loaded here. A folder has config.json, weights, a tokenizer and an image processor, as the hub has them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from captioner.config import Decode
from metric.storage import hub
from metric.storage.paths import expanded

PREFIX = "hf:"  # how --model names a model of transformers
KNOWN = f"{PREFIX}Salesforce/blip-image-captioning-base"
CONFIG = "config.json"
WEIGHTS, OLD_WEIGHTS = "*.safetensors", "*.bin"
SETTINGS = ("*.json", "*.jinja", "*.txt", "*.model")  # of the model, its tokenizer and its image processor
UNSAID = 30  # most tokens of a caption, where no file of the model says a number


def model_folder(name: str) -> Path:
    """The local folder of `hf:FOLDER` or `hf:ORG/NAME`, which is downloaded if it is not in the hub's cache.

    Weights in safetensors are preferred. Raises ValueError where there is no model that captions pictures.
    """
    asked = name.removeprefix(PREFIX)
    folder = Path(expanded(asked))
    if not folder.is_dir():
        if not hub.is_id(asked):
            raise ValueError(
                f"there is no folder {asked}; give a folder of a transformers model, or an id as in {KNOWN}"
            )
        folder = hub.snapshot(asked, (*SETTINGS, WEIGHTS))
        if not any(folder.glob(WEIGHTS)):
            folder = hub.snapshot(asked, (*SETTINGS, OLD_WEIGHTS))
    refuse_other(name, folder)
    return folder


def refuse_other(name: str, folder: Path) -> None:
    """Raises ValueError unless the folder holds a model of a type that transformers calls image-text-to-text."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as TYPES

    if not (folder / CONFIG).is_file():
        raise ValueError(f"{name} is no model of transformers: {folder} has no {CONFIG}; give one such as {KNOWN}")
    kind = read(folder / CONFIG).get("model_type")
    if kind == "captioner":
        raise ValueError(f"{name} is a captioner of this package; type it without {PREFIX}")
    if kind not in TYPES:
        raise ValueError(
            f"{name} is a model of the type {kind}, which captions no pictures in transformers; "
            f"give an image-text-to-text model such as {KNOWN}"
        )
    if not any(path for pattern in (WEIGHTS, OLD_WEIGHTS) for path in folder.glob(pattern)):
        raise ValueError(f"{name} has no weights: {folder} holds neither {WEIGHTS} nor {OLD_WEIGHTS}")


def refuse_unprefixed(name: str) -> None:
    """Raises ValueError for the folder of a model of transformers that is typed without its prefix."""
    file = Path(expanded(name)) / CONFIG
    kind = read(file).get("model_type") if file.is_file() else None
    if kind and kind != "captioner":
        raise ValueError(f"{name} is a model of the type {kind}, and no captioner of this package; type {PREFIX}{name}")


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file. Raises ValueError of one line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg}") from None


def fingerprint(folder: Path) -> str:
    """Twelve hexadecimal digits of a hash (SHA-256) over names and content of the model's files."""
    digest = sha256()
    files = {path for pattern in (*SETTINGS, WEIGHTS, OLD_WEIGHTS) for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            while part := file.read(1 << 24):
                digest.update(part)
    return digest.hexdigest()[:12]


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
