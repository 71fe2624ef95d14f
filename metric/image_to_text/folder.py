"""The folder of a transformers model that captions pictures: found, checked, and named by its content.

Nothing is loaded here. A folder has config.json, weights, a tokenizer and an image processor, as the hub has them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from metric.storage import hub
from metric.storage.paths import expanded

PREFIX = "hf:"  # how --model names a model of transformers
KNOWN = f"{PREFIX}Salesforce/blip-image-captioning-base"
CONFIG = "config.json"
WEIGHTS, OLD_WEIGHTS = "*.safetensors", "*.bin"
SETTINGS = ("*.json", "*.jinja", "*.txt", "*.model")  # of the model, its tokenizer and its image processor


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
