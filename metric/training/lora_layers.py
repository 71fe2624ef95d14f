"""The layers of a CLIP that get LoRA: those of the right type that run, in any kind of tower."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import torch
from PIL import Image
from torch import nn

from metric.clip.model import Clip
from metric.training.config import MetricConfig
from metric.training.own_weights import is_projection

# Exactly these types: derived types compute something else, such as timm's convolution with padding.
KINDS = {nn.Linear: "linear", nn.Conv2d: "convolution"}
CHECKED = "text_projection"  # open_clip asks whether SigLIP's is an nn.Linear, and multiplies by it if not
TOWERS = ("both", "image", "text")


def targets(clip: Clip, config: MetricConfig) -> dict[str, nn.Module]:
    """Name -> layer, for the layers that get LoRA by `config`. Raises ValueError when no layer fits.

    The last projection of a tower gets LoRA only where `config.targets` names it. In CLIP's own towers it is a matrix
    and no layer, so that a tower of timm or Hugging Face, where it is a layer, would learn another set of places.
    """
    layers = suitable(clip)
    patches = first_convolution(layers)
    expression = pattern(config.targets)
    chosen = {
        name: layer
        for name, layer in layers.items()
        if config.tower in ("both", tower_of(name))
        and (config.patches or name != patches)
        and (expression.fullmatch(name) if config.targets else not is_projection(name))
    }
    if not chosen:
        samples = ", ".join(list(layers)[:: max(1, len(layers) // 4)])
        raise ValueError(
            f"none of the {len(layers)} layers fits --targets {config.targets!r} --tower {config.tower}; try {samples}"
        )
    return chosen


def first_convolution(layers: Mapping[str, nn.Module]) -> str:
    """The name of the first convolution, which is the patch embedding of a ViT; "" without any."""
    return next((name for name, layer in layers.items() if type(layer) is nn.Conv2d), "")


def patch_embedding(clip: Clip) -> str:
    """The name of the convolution whose steps are as wide as its square kernel; "" for a tower without patches."""
    name = first_convolution(suitable(clip))
    layer = clip.model.get_submodule(name) if name else None
    return name if isinstance(layer, nn.Conv2d) and layer.kernel_size == layer.stride else ""


def pattern(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"--targets must be a regular expression, got {expression!r}: {error}") from None


@torch.no_grad()
def suitable(clip: Clip) -> dict[str, nn.Module]:
    """Name -> layer, for all layers that LoRA can wrap, in the order in which they run.

    A layer that never runs although its weights are used, as in CLIP's attention pooling, cannot be wrapped. Grouped
    convolutions are left out, since their own rank is as low.
    """
    names = {
        layer: name
        for name, layer in clip.model.named_modules()
        if type(layer) in KINDS and getattr(layer, "groups", 1) == 1 and not name.endswith(CHECKED)
    }
    ran: dict[str, nn.Module] = {}

    def note(layer: nn.Module, *_: object) -> None:
        ran[names[layer]] = layer

    hooks = [layer.register_forward_hook(note) for layer in names]
    clip.encode_image(clip.preprocess(Image.new("RGB", (32, 32)))[None])
    clip.encode_text(["a photo"])
    for hook in hooks:
        hook.remove()
    return ran


def tower_of(name: str) -> str:
    return "image" if name.startswith("visual.") else "text"


def kind(clip: Clip, name: str, layer: nn.Module) -> str:
    parent = clip.model.get_submodule(name.rpartition(".")[0])
    return "attention" if "Attention" in type(parent).__name__ else KINDS[type(layer)]


def summary(clip: Clip, layers: Mapping[str, nn.Module]) -> str:
    """The numbers of layers by tower and kind, in two lines."""
    lines = []
    for tower in TOWERS[1:]:
        kinds = Counter(kind(clip, name, layer) for name, layer in layers.items() if tower_of(name) == tower)
        lines.append(f"  {tower} tower: {', '.join(f'{count} {label}' for label, count in kinds.items()) or 'none'}")
    return "\n".join(lines)
