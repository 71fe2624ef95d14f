from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from metric.runtime.gradients import in_parts
from metric.training.losses import info_nce

CPU, SCALE = torch.device("cpu"), torch.tensor(10.0)


def towers(dropout: float) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 4)).double()
    return tower, torch.randn(10, 6, dtype=torch.float64), torch.randn(10, 6, dtype=torch.float64)


def gradients(size: int, dropout: float = 0.0, keep: bool = False) -> tuple[Tensor, list[Tensor]]:
    """`keep`: the same parts, with all activations kept."""
    tower, image, text = towers(dropout)

    def embed(x: Tensor) -> Tensor:
        if keep:
            return torch.cat([normalize(tower(part), dim=-1) for part in x.split(size)])
        return in_parts(lambda part: normalize(tower(part), dim=-1), x, size, CPU)

    loss = info_nce(embed(image), embed(text), SCALE)
    loss.backward()
    return loss.detach(), [parameter.grad for parameter in tower.parameters()]


def test_gradients_in_parts_are_those_of_the_plain_loss() -> None:
    whole, expected = gradients(0)
    for size in 1, 3, 5, 64:  # 3 leaves a shorter part
        loss, found = gradients(size)
        torch.testing.assert_close(loss, whole)
        torch.testing.assert_close(found, expected)


def test_dropout_is_drawn_again_as_it_was() -> None:
    loss, found = gradients(3, dropout=0.5)
    whole, expected = gradients(3, dropout=0.5, keep=True)
    assert torch.equal(loss, whole)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found[0], gradients(3)[1][0])


def test_forward_keeps_no_activations_when_in_parts() -> None:
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    tower, image, _ = towers(0.0)
    amounts = []
    for size in 0, 2:
        kept = 0
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            in_parts(tower, image, size, CPU)
        amounts.append(kept)
    assert amounts[0] > len(image) * 16 and amounts[1] < amounts[0] / 2
