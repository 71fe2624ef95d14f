"""Patch features: the input of a captioner, computed by the image tower of a frozen CLIP of any kind.

Axes: n pictures, p patches, f features, c h w pixels or grid.
"""

from __future__ import annotations

import torch
from einops import rearrange
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from PIL import Image
from torch import Tensor

from metric.clip.model import Clip
from metric.runtime.device import sent


@torch.no_grad()
def grid_features(clip: Clip, pixels: Tensor) -> Tensor:
    """Returns the last layer's features of each patch, before pooling and without a class token.

    Pixels `n c h w` -> `n p f`. Raises ValueError for an unknown kind of image tower.
    """
    tower = clip.model.visual
    for kind, read in TOWERS.items():
        if isinstance(tower, kind):
            return read(tower, sent(pixels, clip.device))
    kinds = ", ".join(kind.__name__ for kind in TOWERS)
    raise ValueError(f"{clip.name} has an image tower of type {type(tower).__name__}, expected {kinds}")


def vit_features(tower: VisionTransformer, pixels: Tensor) -> Tensor:
    """Features after the last LayerNorm of the tower, which limits a few huge channels.

    CoCa's last LayerNorm is left out, because it fits pooled tokens only.
    """
    outputs = tower.forward_intermediates(
        pixels,
        indices=1,
        normalize_intermediates=tower.attn_pool is None,
        intermediates_only=True,
        output_fmt="NLC",
    )
    return outputs["image_intermediates"][-1]


def resnet_features(tower: ModifiedResNet, pixels: Tensor) -> Tensor:
    """The grid before the attention pool."""
    grid = tower.forward_intermediates(pixels, indices=1, intermediates_only=True)["image_intermediates"][-1]
    return rearrange(grid, "n c h w -> n (h w) c")


def timm_features(tower: TimmModel, pixels: Tensor) -> Tensor:
    """A grid, or tokens without class and register tokens. timm describes both by attributes of the trunk."""
    outputs = tower.trunk.forward_features(pixels)
    if outputs.ndim == 3:
        return outputs[:, getattr(tower.trunk, "num_prefix_tokens", 0) :]
    channels_last = getattr(tower.trunk, "output_fmt", "NCHW") == "NHWC"
    return rearrange(outputs, "n h w c -> n (h w) c" if channels_last else "n c h w -> n (h w) c")


TOWERS = {VisionTransformer: vit_features, ModifiedResNet: resnet_features, TimmModel: timm_features}


def feature_dim(clip: Clip) -> int:
    """Size f of a patch's features."""
    return grid_features(clip, clip.preprocess(Image.new("RGB", (64, 64)))[None]).shape[-1]
