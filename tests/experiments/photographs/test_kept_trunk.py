"""A kept output is what the trunk would compute, and no picture is computed twice."""

from __future__ import annotations

import torch
from torch import nn

from experiments.photographs.kept_trunk import KeptOutputs


class Trunk(nn.Module):
    """Means of channels, times a weight. Counts the pictures that it sees."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight]), requires_grad=False)
        self.seen = 0

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.seen += len(pixels)
        return pixels.mean((2, 3)) * self.weight


def test_known_pictures_are_not_computed_again(tmp_path):
    trunk, kept = Trunk(2.0), KeptOutputs(tmp_path / "trunk.safetensors")
    pixels = torch.rand(3, 3, 4, 4)
    kept.of(trunk, pixels[:2], Trunk.forward)
    outputs = kept.of(trunk, pixels, Trunk.forward)
    assert trunk.seen == 3 and torch.allclose(outputs, pixels.mean((2, 3)) * 2)


def test_a_saved_file_serves_the_next_process(tmp_path):
    trunk, kept = Trunk(2.0), KeptOutputs(tmp_path / "trunk.safetensors")
    pixels = torch.rand(2, 3, 4, 4)
    outputs = kept.of(trunk, pixels, Trunk.forward)
    kept.save()
    again = Trunk(2.0)
    assert torch.equal(KeptOutputs(kept.path).of(again, pixels, Trunk.forward), outputs)
    assert again.seen == 0


def test_another_trunk_has_other_outputs(tmp_path):
    kept, pixels = KeptOutputs(tmp_path / "trunk.safetensors"), torch.rand(1, 3, 4, 4)
    one, other = (kept.of(Trunk(weight), pixels, Trunk.forward) for weight in (1.0, 2.0))
    assert torch.allclose(2 * one, other)
