"""The authors' PAC-S and PAC-S++ files as CLIP folders: `captioner metric import FILE.pth --out DIR`."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.constants import INCEPTION_MEAN, INCEPTION_STD, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from metric.clip.load import load_clip, write_folder
from metric.clip.model import Clip, frozen
from metric.clip.pacs_check import refuse_equal, refuse_idle_lora, refuse_other, refuse_untuned
from metric.clip.pacs_layout import NEEDED, Lora, add_beside, merged, model_config, pairs, stored
from metric.clip.tuning import IMPORTED
from metric.storage.atomic_files import replaced, write_json

VOCABULARY = 49408  # of the byte-pair encoding that every CLIP of the authors' reads
ACTIVATIONS = ("auto", "quickgelu", "gelu")
NORMALISED = {True: (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD), False: (INCEPTION_MEAN, INCEPTION_STD)}
TOWERS = {768: "B", 1024: "L", 1280: "H"}  # width of a ViT -> its letter
BROKEN = (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, struct.error)
EXPECTED = "expected the authors' PAC-S or PAC-S++ .pth (github.com/aimagelab/pacscore)"


def import_checkpoint(file: Path, out: Path, alpha: float = 1.0, activation: str = "auto", base: str = "") -> str:
    """Write `file` to `out` as an open_clip folder that scores as the authors' code does.

    `base` is the name of a plain CLIP to be told from. -> the lines to print: kind of the file, sizes, merged matrices,
    activation, self-check. Raises ValueError for another kind of file, when the folder embeds unlike the file's own
    tensors, and when its scores are those of plain CLIP. `out` is then not written.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"--activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if out.exists():
        raise ValueError(f"{out} exists already; give another --out")
    plain = load_clip(base) if base else None
    kept = clip_weights(file)
    weights = {key: tensor.float() for key, tensor in kept.items()}
    try:
        loras = pairs(weights)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    quick = quick_gelu(file, loras, activation)
    config = open_clip_config(weights, quick)
    with replaced(out) as folder:
        write_folder(folder, config, built(file, config, merged(weights, loras, alpha)))
        write_json(folder / IMPORTED, {"weights": whose(loras, quick, config), "file": file.name, "alpha": alpha})
        clip = load_clip(str(folder))
        if quick and not loras and kept["visual.proj"].dtype == torch.float32:
            refuse_untuned(file, weights)  # a file in half precision cannot be told from OpenAI's in this way
        checked = self_check(file, clip, weights, loras, alpha, plain)
    lines = [
        f"{file}: {kind(loras, quick)}",
        sizes(config),
        *of_lora(loras, alpha),
        of_activation(weights, loras, quick),
    ]
    return "\n".join([*lines, f"checked: {out} loads, {checked}", f"use it as pacspp:checkpoint={out} or --pac {out}"])


def self_check(
    file: Path, clip: Clip, weights: Mapping[str, Tensor], loras: list[Lora], alpha: float, plain: Clip | None
) -> str:
    """What the written CLIP was found to do. Raises ValueError where it embeds unlike the file, or as plain CLIP."""
    if plain:
        against = f"its scores differ from those of {plain.name} by up to {refuse_equal(file, clip, plain):.2g}"
    else:
        against = "its scores are not compared with a plain CLIP, which --base ARCH:TAG would do"
    if loras:
        refuse_idle_lora(file, clip, built(file, clip.config, stored(weights)))
    original = add_beside(built(file, clip.config, stored(weights)), loras, alpha)
    return f"embeds as the file's own tensors do to {refuse_other(clip, original):.0e}; {against}"


def whose(loras: list[Lora], quick: bool, config: dict[str, Any]) -> str:
    """`the authors' PAC-S of ViT-B/32`, as facts of scores name it."""
    image = config["model_cfg"]["vision_cfg"]
    tower = TOWERS.get(image["width"], f"width {image['width']}") + f"/{image['patch_size']}"
    return f"the authors' {'PAC-S++' if loras else 'PAC-S'} of {'' if quick else 'OpenCLIP '}ViT-{tower}"


def read(file: Path) -> Any:
    """The content of a file of torch.save; no code in it is run. Raises ValueError for a damaged or other file."""
    if not file.is_file():
        raise ValueError(f"{file} is not a file; give the authors' .pth")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is then refused
            return torch.load(file, map_location="cpu", weights_only=True)
    except BROKEN as error:
        why = str(error).split(". ")[0].splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file} is no PyTorch checkpoint, or an incomplete one ({why}); {EXPECTED}") from None


def clip_weights(file: Path) -> dict[str, Tensor]:
    """The state dict of a file under OpenAI's names, as it is stored. Raises ValueError for another kind of file."""
    content = read(file)
    content = content.get("state_dict", content) if isinstance(content, Mapping) else content
    tensors = isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values())
    if not tensors:
        raise ValueError(f"{file} has no state dict, got a {type(content).__name__}; {EXPECTED}")
    weights = {str(key).removeprefix("module."): tensor for key, tensor in content.items()}
    weights = {key: tensor for key, tensor in weights.items() if key not in ("input_resolution", "context_length")}
    weights.pop("vocab_size", None)
    missing = [key for key in NEEDED if key not in weights]
    if missing:
        example = "LoRA matrices without their CLIP" if all("lora_" in key for key in weights) else next(iter(weights))
        raise ValueError(f"{file} has no {missing[0]}, got {len(weights)} tensors, {example} ...; {EXPECTED}")
    if len(weights["token_embedding.weight"]) != VOCABULARY:
        raise ValueError(
            f"{file} has a vocabulary of {len(weights['token_embedding.weight'])}, expected CLIP's of {VOCABULARY}"
        )
    return weights


def open_clip_config(weights: Mapping[str, Tensor], quick: bool) -> dict[str, Any]:
    mean, std = NORMALISED[quick]
    preprocess = {"mean": list(mean), "std": list(std), "interpolation": "bicubic", "resize_mode": "shortest"}
    return {"model_cfg": model_config(weights, quick), "preprocess_cfg": preprocess}


def built(file: Path, config: dict[str, Any], weights: Mapping[str, Tensor]) -> open_clip.CLIP:
    """A model of these sizes with exactly these tensors. Raises ValueError for other names or shapes."""
    model = open_clip.CLIP(**config["model_cfg"])
    expected = model.state_dict()
    for verb, keys in (("lacks", expected.keys() - weights.keys()), ("also has", weights.keys() - expected.keys())):
        if keys:
            raise ValueError(
                f"{file} {verb} {len(keys)} tensors of a CLIP of its size, such as {min(keys)}; {EXPECTED}"
            )
    for key, tensor in weights.items():
        if tensor.numel() != expected[key].numel():
            raise ValueError(
                f"{file}: {key} is {tuple(tensor.shape)}, expected {tuple(expected[key].shape)} in a CLIP of its size"
            )
    model.load_state_dict({key: tensor.reshape(expected[key].shape) for key, tensor in weights.items()})
    return frozen(model)


def quick_gelu(file: Path, loras: list[Lora], activation: str) -> bool:
    """Whether the model computes QuickGELU, which cannot be read off the tensors.

    OpenAI's models and every PAC-S++ do. The authors' one file of an OpenCLIP model is called openClip_ViT-L-14.pth.
    """
    if activation == "auto":
        return bool(loras) or not re.search("open.?clip", file.name, re.IGNORECASE)
    return activation == "quickgelu"


def kind(loras: list[Lora], quick: bool) -> str:
    if loras:
        return "PAC-S++, a CLIP with LoRA beside its weights"
    return "PAC-S, a plain CLIP state dict" if quick else "PAC-S of OpenCLIP, a plain CLIP state dict"


def sizes(config: dict[str, Any]) -> str:
    model = config["model_cfg"]
    image, text = model["vision_cfg"], model["text_cfg"]
    return (
        f"a ViT of {image['layers']} layers, width {image['width']}, patches of {image['patch_size']} in "
        f"{image['image_size']} px; a text tower of {text['layers']} layers, width {text['width']}; "
        f"{model['embed_dim']} features"
    )


def of_lora(loras: list[Lora], alpha: float) -> list[str]:
    if not loras:
        return []
    ranks = ", ".join(sorted({str(lora.rank) for lora in loras}))
    mlp = sum(".mlp." in lora.weight for lora in loras)
    return [
        f"merged: LoRA of rank {ranks}, alpha {alpha:g}, into {len(loras) - mlp} weights of patches and attention",
        f"not merged: that of {mlp} MLP weights, which are used as stored, as the authors' loader does; "
        "saved in eval mode they hold it already, and would count it twice",
    ]


def of_activation(weights: Mapping[str, Tensor], loras: list[Lora], quick: bool) -> str:
    if not quick:
        return "activation GELU, pictures normalised by 0.5 as for ViT-L-14:laion2b_s32b_b82k; else give --activation"
    frozen_weight = weights["visual.transformer.resblocks.0.attn.in_proj_weight"]  # no PAC-S training changes it
    if loras or torch.equal(frozen_weight, frozen_weight.half().float()):
        return "activation QuickGELU, as in OpenAI's CLIP"
    return (
        "activation QuickGELU, as in OpenAI's CLIP, whose weights are half-precision numbers, but these are not: "
        "was it tuned from a CLIP of OpenCLIP's, import it with --activation gelu"
    )
