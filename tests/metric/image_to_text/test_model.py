"""Models of transformers as they are loaded for captions."""

from __future__ import annotations

from pathlib import Path

import torch

from metric.image_to_text.model import load_model
from tests.captioner.tiny_hub_models import git


def test_words_of_git_do_not_hang_on_a_cache(tmp_path):
    """transformers before 5.23 counted the places of the picture anew for each word that it read from the cache."""
    git(tmp_path)
    model = load_model("git", Path(tmp_path), torch.float32)
    inputs = {"input_ids": torch.tensor([[2, 5], [2, 6]]), "pixel_values": torch.randn(2, 3, *size(model))}
    kept, anew = (drawn(model, inputs, **more) for more in ({}, {"use_cache": False}))
    assert kept == anew and len(set(kept[0])) > 4


def drawn(model, inputs: dict[str, torch.Tensor], **more: bool) -> list[list[int]]:
    """Twelve words of each picture, drawn with one seed."""
    torch.manual_seed(0)
    return model.generate(**inputs, **more, max_new_tokens=12, min_new_tokens=12, do_sample=True).tolist()


def size(model) -> tuple[int, int]:
    side = model.config.vision_config.image_size
    return side, side
