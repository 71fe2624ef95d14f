from __future__ import annotations

import math
from functools import partial

import torch
from open_clip.loss import SigLipLoss
from torch import Tensor
from torch.nn.functional import normalize

from metric.training.losses import Made, info_nce, positive_augmented, sigmoid

at_five = partial(info_nce, scale=torch.tensor(5.0))


def unit(*shape: int) -> Tensor:
    return normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def brute_force(image: Tensor, text: Tensor, scale: float) -> float:
    """-log of the softmax of the own pair over a row, and over a column, summed by hand."""
    b = len(image)
    pair = [[math.exp(scale * float(image[i] @ text[j])) for j in range(b)] for i in range(b)]
    to_text = [-math.log(pair[i][i] / sum(pair[i])) for i in range(b)]
    to_image = [-math.log(pair[i][i] / sum(pair[j][i] for j in range(b))) for i in range(b)]
    return (sum(to_text) + sum(to_image)) / (2 * b)


def test_info_nce_is_the_brute_force_sum() -> None:
    torch.manual_seed(0)
    image, text = unit(5, 3), unit(5, 3)
    assert math.isclose(info_nce(image, text, torch.tensor(7.0)).item(), brute_force(image, text, 7.0))


def test_orthogonal_pairs_cost_the_log_of_their_number() -> None:
    # every logit 0: each row is uniform over 4
    image, text = torch.eye(8)[:4], torch.eye(8)[4:]
    torch.testing.assert_close(info_nce(image, text, torch.tensor(10.0)), torch.tensor(math.log(4)))


def test_terms_add_up_with_their_weights() -> None:
    torch.manual_seed(0)
    image, text, made_image, made_text = (unit(4, 3) for _ in range(4))
    rows = torch.arange(4)
    total, terms = positive_augmented(
        image,
        text,
        Made(made_image, rows),
        Made(made_text, rows),
        at_five,
        0.05,
        0.1,
    )
    expected = [
        brute_force(image, text, 5),
        brute_force(made_image, text, 5),
        brute_force(image, made_text, 5),
    ]
    assert math.isclose(total.item(), expected[0] + 0.05 * expected[1] + 0.1 * expected[2])
    assert [round(term.item(), 9) for term in terms.values()] == [round(value, 9) for value in expected]


def test_term_sees_the_rows_that_have_a_positive() -> None:
    torch.manual_seed(0)
    image, text, made = unit(4, 3), unit(4, 3), unit(2, 3)
    rows = torch.tensor([3, 1])
    _, terms = positive_augmented(image, text, None, Made(made, rows), at_five, 0.05, 0.1)
    assert set(terms) == {"loss_vt", "loss_made_text"}
    assert math.isclose(terms["loss_made_text"].item(), brute_force(image[rows], made, 5))


def test_without_positives_it_is_plain_contrastive() -> None:
    torch.manual_seed(0)
    image, text, scale = unit(4, 3), unit(4, 3), torch.tensor(5.0)
    total, _ = positive_augmented(image, text, None, None, partial(info_nce, scale=scale), 0.05, 0.1)
    assert torch.equal(total, info_nce(image, text, scale))


def test_sigmoid_is_the_sum_over_pairs_by_hand() -> None:
    """arXiv 2303.15343, equation 1: every pair is a decision of its own, the mean is over images."""
    torch.manual_seed(0)
    image, text, scale, bias = unit(4, 3), unit(4, 3), 6.0, -2.0
    total = 0.0
    for i in range(4):
        for j in range(4):
            logit = scale * float(image[i] @ text[j]) + bias
            total += math.log(1 + math.exp(-logit if i == j else logit))
    assert math.isclose(sigmoid(image, text, torch.tensor(scale), torch.tensor(bias)).item(), total / 4)


def test_sigmoid_is_open_clips_siglip_loss() -> None:
    torch.manual_seed(0)
    image, text = unit(5, 3), unit(5, 3)
    scale, bias = torch.tensor(10.0, dtype=torch.float64), torch.tensor(-10.0, dtype=torch.float64)
    theirs = SigLipLoss()(image, text, scale, bias)
    torch.testing.assert_close(sigmoid(image, text, scale, bias), theirs)
