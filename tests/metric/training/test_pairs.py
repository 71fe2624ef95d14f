"""What is computed once of pictures that no step changes."""

from __future__ import annotations

import torch
from PIL import Image

from metric.clip.pixels import Pixels
from metric.training.pairs import image_side
from tests.metric.conftest import tiny


def test_features_of_a_kept_tower_have_no_dropout(tmp_path) -> None:
    clip = tiny(tmp_path, vision_cfg={"patch_dropout": 0.5})
    clip.model.requires_grad_(False).train()  # as while the text tower is trained
    paths = [tmp_path / f"{colour}.png" for colour in ("red", "green")]
    for path in paths:
        Image.effect_noise((24, 24), 80).convert("RGB").save(path)
    encode, features = image_side(clip, paths)
    clip.model.eval()
    expected = clip.encode_image(Pixels(paths, clip.preprocess)[[0, 1]])
    torch.testing.assert_close(encode(features), expected)
