from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from metric.training.negative_losses import Negatives, more_columns, own_softmax, wrong_pairs

B, ROWS = 4, [0, 0, 2, 2, 2, 3]  # the second caption has no negative
SCALE, BIAS = 6.0, -2.0


def unit(*shape: int) -> Tensor:
    return normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def given(*right: tuple[int, int]) -> tuple[Tensor, Tensor, Negatives]:
    torch.manual_seed(0)
    image, text, wrong = unit(B, 3), unit(B, 3), unit(len(ROWS), 3)
    mask = torch.zeros(B, len(ROWS), dtype=torch.bool)
    for row, column in right:
        mask[row, column] = True
    return image, text, Negatives(wrong, torch.tensor(ROWS), mask)


def test_columns_are_summed_by_hand() -> None:
    image, text, wrong = given((1, 2), (3, 0))
    total = 0.0
    for i in range(B):
        texts = [*text, *(wrong.embedding[j] for j in range(len(ROWS)) if (i, j) not in [(1, 2), (3, 0)])]
        over = [math.exp(SCALE * float(image[i] @ other)) for other in texts]
        total -= math.log(over[i] / sum(over))
    assert math.isclose(more_columns(image, text, wrong, torch.tensor(SCALE)).item(), total / B)


def test_own_softmax_is_summed_by_hand() -> None:
    """The picture whose caption has no negative counts nowhere, and smoothing spreads over the classes there are."""
    image, text, wrong = given()
    losses = []
    for i in sorted(set(ROWS)):
        texts = [text[i], *(wrong.embedding[j] for j, row in enumerate(ROWS) if row == i)]
        over = [math.exp(SCALE * float(image[i] @ other)) for other in texts]
        loss = 0.0
        for k, value in enumerate(over):
            p = value / sum(over)
            loss += (0.98 * (k == 0) + 0.02 / len(texts)) * (1 - p) ** 2 * -math.log(p)
        losses.append(loss)
    found = own_softmax(image, text, wrong, torch.tensor(SCALE)).item()
    assert math.isclose(found, sum(losses) / len(losses), rel_tol=1e-6)


def test_own_softmax_without_focus_is_torchs_smoothed_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metric.training.negative_losses.GAMMA", 0.0)
    image, text, wrong = given()
    wrong = Negatives(wrong.embedding[:4], torch.tensor([0, 1, 2, 3]), wrong.right[:, :4])
    logits = SCALE * torch.stack([(image * text).sum(-1), (image * wrong.embedding).sum(-1)], dim=1)
    expected = cross_entropy(logits, torch.zeros(B, dtype=torch.long), label_smoothing=0.02)
    torch.testing.assert_close(own_softmax(image, text, wrong, torch.tensor(SCALE)), expected, rtol=1e-6, atol=0)


def test_own_softmax_has_gradients_where_captions_have_unequal_numbers() -> None:
    image, text, wrong = given()
    for tensor in (image, text, wrong.embedding):
        tensor.requires_grad_()
    own_softmax(image, text, wrong, torch.tensor(SCALE)).backward()
    assert all(tensor.grad.isfinite().all() for tensor in (image, text, wrong.embedding))
    assert not image.grad[1].any() and not text.grad[1].any() and wrong.embedding.grad.any(1).all()


def test_order_of_negatives_is_nothing_to_own_softmax() -> None:
    image, text, wrong = given()
    mixed = torch.tensor([4, 1, 5, 0, 3, 2])
    again = Negatives(wrong.embedding[mixed], wrong.rows[mixed], wrong.right[:, mixed])
    one, other = (own_softmax(image, text, some, torch.tensor(SCALE)) for some in (wrong, again))
    torch.testing.assert_close(one, other)


def test_wrong_pairs_are_summed_by_hand() -> None:
    """arXiv 2303.15343, equation 1, with the label -1 everywhere."""
    image, _, wrong = given((1, 2))
    total = 0.0
    for i in range(B):
        for j in range(len(ROWS)):
            if (i, j) != (1, 2):
                total += math.log(1 + math.exp(SCALE * float(image[i] @ wrong.embedding[j]) + BIAS))
    found = wrong_pairs(image, wrong, torch.tensor(SCALE), torch.tensor(BIAS))
    assert math.isclose(found.item(), total / B)
