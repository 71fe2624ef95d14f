"""A model on disk in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.

A captioner's name is a run folder, the folder of a model, or a hub id such as OWNER/NAME.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from metric.storage import atomic_files, checkpoint_folders, hub
from metric.storage.atomic_files import whole_file
from metric.storage.paths import expanded
from metric.storage.run_files import CHECKPOINTS, LAST

CONFIG, WEIGHTS, TOKENIZER = FILES = ("config.json", "model.safetensors", "tokenizer.json")
RUN, CLIP = "run.json", "clip"  # optional: the settings of the run that made the model, the folder of its CLIP
TYPE = {"model_type": "captioner", "architectures": ["Captioner"]}


def fetch(name: str) -> Path:
    """The local folder of the model `name`, downloaded if `name` is a hub id. The folder holds the three files.

    Raises ValueError when there is no such captioner.
    """
    folder = Path(model_folder(name))
    if not folder.is_dir():
        if folder.exists():
            raise ValueError(f"{name} is a file; give the folder that holds {', '.join(FILES)}")
        if not hub.is_id(name):
            raise ValueError(
                f"there is no folder {name}; give a run folder, a model folder, or a hub id such as OWNER/NAME"
            )
        folder = hub.snapshot(name, (*FILES, RUN, f"{CLIP}/*"))
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise ValueError(f"{name} is no captioner: it has no {' and no '.join(missing)}")
    return folder


def model_folder(name: str) -> str:
    """The last checkpoint of a run folder. Any other name comes back as it is.

    No file is moved, because the run may be training. Raises ValueError for a run without a checkpoint, and for a
    checkpoint of a newer version.
    """
    name = expanded(name)
    run = Path(name)
    if not (run / CHECKPOINTS).is_dir():
        checkpoint_folders.refuse_newer(run)
        return name
    folder = checkpoint_folders.newest(run)
    if folder is None:
        raise ValueError(f"{name} is a run without a checkpoint yet; captioner train --out {name} --resume goes on")
    checkpoint_folders.refuse_newer(folder)
    return str(folder)


def checkpoint_of(run: Path, name: str) -> Path:
    """The model `name` of a run folder: last, best, or a stage and step such as reward-000150.

    Raises ValueError for a model that the run does not have.
    """
    newest = Path(model_folder(str(run)))
    if name == LAST.name:
        return newest
    models = [path.parent for path in (run / CHECKPOINTS).glob(f"[!.]*/{checkpoint_folders.POSITION}")]
    found = next((folder for folder in models if folder.name == name), None)
    if found is None:
        there = ", ".join(sorted({LAST.name, *(folder.name for folder in models)}))
        raise ValueError(f"{run} has no checkpoint {name!r}; there are {there}")
    checkpoint_folders.refuse_newer(found)
    return found


def read_config(path: Path, kind: type) -> dict[str, Any]:
    """Reads the fields of the dataclass `kind` from a config.json.

    Raises ValueError when a key is missing or unknown, or when the file describes another kind of model.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON ({error})") from error
    for key, expected in TYPE.items():
        if content.get(key) != expected:
            raise ValueError(f"{path} holds the {key} {content.get(key)!r}, expected {expected!r}")
    values = {key: value for key, value in content.items() if key not in TYPE}
    required = {field.name: field.default is MISSING for field in fields(kind)}
    if unknown := sorted(values.keys() - required.keys()):
        raise ValueError(f"{path} holds {', '.join(unknown)}, which no captioner has; is it of a newer version?")
    if missing := [name for name, needed in required.items() if needed and name not in values]:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return values


def read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Reads the tensors of a safetensors file.

    Raises ValueError unless the file holds exactly the `expected` names, each with the expected shape.
    """
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    for name, tensor in expected.items():
        if name not in tensors:
            raise ValueError(f"{path} has no tensor {name}, which {CONFIG} asks for")
        if tensors[name].shape != tensor.shape:
            holds, asks = list(tensors[name].shape), list(tensor.shape)
            raise ValueError(f"{path} holds {name} of shape {holds}, {CONFIG} asks for {asks}")
    if unknown := tensors.keys() - expected.keys():
        raise ValueError(f"{path} holds {min(unknown)}, for which {CONFIG} has no place")
    return tensors


def write(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes the configuration and the weights. A kill leaves no half-written file."""
    with whole_file(folder / WEIGHTS) as new:
        save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, new, {"format": "pt"})
    atomic_files.write(folder / CONFIG, json.dumps({**TYPE, **config}, indent=2) + "\n")
