"""CLIP models by name: the embedded one, a folder, an adapter's folder, a hub id, or anything open_clip downloads."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_model
from torch import nn

from metric.clip import new_tokenizer
from metric.clip.model import ADAPTER, CONFIG, WEIGHTS, Clip, frozen
from metric.clip.tuning import base_in, between, imported, recorded, refuse_other_base, refuse_scale
from metric.spec import did_you_mean
from metric.storage import hub
from metric.storage.paths import expanded

ASSETS = Path(__file__).parents[1] / "assets"
EMBEDDED = ("scenes-clip",)
# the files of a CLIP in a repository of the hub: at its top, in clip/ or in adapter/
FILES = (CONFIG, WEIGHTS, "config.json", "*token*", "vocab*", "merges*", "clip/*", "adapter*", "base.json")


def load_clip(name: str, device: str | torch.device = "cpu", scale: float = 1.0) -> Clip:
    """The CLIP of a name: `scenes-clip`, a folder, a hub id, or ARCH:TAG of open_clip.

    A folder has open_clip's layout, a PEFT adapter, or is a run that made one of them. `scale` draws a CLIP that was
    tuned by `captioner metric train` back towards its base: 0 is the base, 1 the CLIP as it was tuned. Raises
    ValueError for another name or scale, and for weights that cannot be loaded.
    """
    refuse_scale(scale)
    folder = folder_of(name)
    for inside in (folder, folder / "clip", folder / "adapter"):  # the last two are those of a run folder
        if (inside / ADAPTER).is_file():
            from metric.clip.merged_lora import base_of, merged  # PEFT takes a second to import

            clip = merged(load_clip(base_of(inside), device), inside, name, scale)
            return hardened(clip, recorded(inside))
        if (inside / CONFIG).is_file():
            settings = recorded(inside)
            loaded = load_folder(inside, name, device)
            clip = hardened(replace(loaded, origin=imported(inside)), settings)
            return clip if scale == 1 else between(base_named(settings, name, device, inside), clip, scale)
    if folder.is_file():
        raise ValueError(f"{name} is a file; make a folder of it with captioner metric import {name} --out DIR")
    if ":" in name and not folder.exists():
        return load_pretrained(name, device) if scale == 1 else base_named({}, name, device)
    raise ValueError(
        f"no CLIP is called {name!r}; give {', '.join(EMBEDDED)}, a folder or hub id with {CONFIG} or "
        f"{ADAPTER}, or ARCH:TAG such as ViT-B-32-quickgelu:openai"
        + suggestion(name, [*EMBEDDED, *open_clip.list_models()])
    )


def hardened(clip: Clip, settings: dict[str, Any]) -> Clip:
    """The CLIP with what its run has recorded of hard text negatives."""
    return replace(clip, negatives=settings.get("negatives"), negative_kinds=settings.get("negative_kinds", ""))


def folder_of(name: str) -> Path:
    """The folder that the name of a CLIP stands for, which need not exist. That of a hub id is fetched."""
    folder = ASSETS / name if name in EMBEDDED else Path(expanded(name))
    return hub.snapshot(name, FILES) if not folder.exists() and hub.is_id(name) else folder


def base_named(settings: dict[str, Any], name: str, device: str | torch.device, folder: Path = Path()) -> Clip:
    """The base of the CLIP `name` in `folder`, by the record beside it, or by the settings of the run that tuned it.

    Raises ValueError where none is named, and for a base that has other weights now.
    """
    if "method" not in settings:
        raise ValueError(f"scale draws a CLIP back towards its base, and no run of metric train names that of {name}")
    base = load_clip(base_in(folder).get("base") or settings["clip"], device)
    refuse_other_base(folder, base)
    return base


def load_folder(folder: Path, name: str, device: str | torch.device) -> Clip:
    """The CLIP in a local folder of open_clip's layout, loaded by open_clip."""
    config = json.loads((folder / CONFIG).read_text())
    source = f"local-dir:{folder}"
    with quiet():
        model, preprocess = open_clip.create_model_from_pretrained(source, device=device)
        tokenizer = open_clip.get_tokenizer(source)
    return Clip(name, frozen(model), preprocess, tokenizer, config)


def load_pretrained(name: str, device: str | torch.device) -> Clip:
    """A CLIP of open_clip's list, ARCH:TAG. The weights come from the hub or its cache."""
    architecture, tag = name.split(":", 1)
    if architecture not in open_clip.list_models():
        raise ValueError(
            f"open_clip has no architecture {architecture!r}" + suggestion(architecture, open_clip.list_models())
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tag not in tags:
        raise ValueError(f"{architecture} has the weights {', '.join(tags) or '(none)'}, got {tag!r}")
    refuse_other_activation(architecture, tag)
    try:
        with quiet():
            model, preprocess = open_clip.create_model_from_pretrained(architecture, tag, device=device)
            tokenizer = open_clip.get_tokenizer(architecture)
    except (RuntimeError, OSError) as error:
        raise ValueError(f"the weights {name} cannot be loaded ({str(error).splitlines()[0]})") from error
    preprocessing = {**model.visual.preprocess_cfg}
    return Clip(
        name,
        frozen(model),
        preprocess,
        tokenizer,
        {"model_cfg": open_clip.get_model_config(architecture), "preprocess_cfg": preprocessing},
    )


def refuse_other_activation(architecture: str, tag: str) -> None:
    """Raises ValueError for weights of a QuickGELU model in a GELU model, where open_clip only warns."""
    trained = open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu", False)
    other = f"{architecture}-quickgelu"
    if trained and not open_clip.get_model_config(architecture).get("quick_gelu") and other in open_clip.list_models():
        raise ValueError(f"{architecture} computes GELU, but its weights {tag!r} are for QuickGELU; give {other}:{tag}")


def configurations() -> dict[str, Path]:
    """Model configurations that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parents[1] / "configs").glob("*.json"))}


def new_clip(config: str | Path, texts: Iterable[str]) -> Clip:
    """An untrained CLIP of an open_clip configuration, which is a file or one of `configurations`.

    The tokenizer is trained on `texts` when the configuration names a Hugging Face tokenizer. Raises ValueError for a
    configuration that does not exist.
    """
    config = configurations().get(str(config), Path(config))
    if not config.is_file():
        raise ValueError(f"no open_clip configuration {config}; give a file or {', '.join(configurations())}")
    configuration = json.loads(config.read_text())
    configuration = (
        configuration if "model_cfg" in configuration else {"model_cfg": configuration, "preprocess_cfg": {}}
    )
    text = configuration["model_cfg"]["text_cfg"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if text.get("hf_tokenizer_name"):
            tokenizer = new_tokenizer.train(texts, text["vocab_size"])
            tokenizer.save_pretrained(folder)
            text["vocab_size"] = len(tokenizer)
        kind = open_clip.CustomTextCLIP if configuration["model_cfg"].get("custom_text") else open_clip.CLIP
        arguments = {key: value for key, value in configuration["model_cfg"].items() if key != "custom_text"}
        write_folder(folder, configuration, kind(**arguments))
        return load_folder(folder, str(config), "cpu")


def save_clip(clip: Clip, folder: Path) -> None:
    """Write a CLIP in open_clip's layout, which any open_clip loads as `local-dir:FOLDER`."""
    write_folder(folder, clip.config, clip.model)
    if isinstance(clip.tokenizer, open_clip.tokenizer.HFTokenizer):
        clip.tokenizer.save_pretrained(folder)


def write_folder(folder: Path, config: dict[str, Any], model: nn.Module) -> None:
    """Write configuration and weights; `save_clip` writes the tokenizer too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    save_model(model, str(folder / WEIGHTS))


@contextmanager
def quiet() -> Iterator[None]:
    """Without open_clip's messages. Its first message would install a handler in the root logger for good."""
    root, handler = logging.getLogger(), logging.NullHandler()
    disabled = root.manager.disable
    root.addHandler(handler)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)


def suggestion(name: str, names: Iterable[str]) -> str:
    """`; did you mean A, B or C?` with up to three known names that are spelt alike, "" without any."""
    close = did_you_mean(name, names, most=3)
    return f"; {close}" if close else ""
