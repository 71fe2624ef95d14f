from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from metric.training.retrieval import recognised, retrieval, zero_shot


def brute_force(image: torch.Tensor, text: torch.Tensor, image_of_text: list[int], k: int) -> tuple[float, float]:
    """By sorting Python lists."""
    similarity = (image @ text.T).tolist()
    n, m = len(image), len(text)
    found_text = []
    for i in range(n):
        if i in image_of_text:
            first = sorted(range(m), key=lambda j, i=i: -similarity[i][j])[:k]
            found_text.append(any(image_of_text[j] == i for j in first))
    found_image = []
    for j in range(m):
        first = sorted(range(n), key=lambda i, j=j: -similarity[i][j])[:k]
        found_image.append(image_of_text[j] in first)
    return sum(found_text) / len(found_text), sum(found_image) / m


@pytest.mark.parametrize("seed", range(3))
def test_recall_is_the_brute_force_count(seed: int) -> None:
    torch.manual_seed(seed)
    image, text = normalize(torch.randn(12, 4), dim=-1), normalize(torch.randn(30, 4), dim=-1)
    image_of_text = torch.randint(11, (30,))  # the last image has no text
    got = retrieval(image, text, image_of_text)
    for k in 1, 5, 10:
        expected = brute_force(image, text, image_of_text.tolist(), k)
        assert (got[f"i2t_r{k}"], got[f"t2i_r{k}"]) == pytest.approx(expected)


def test_embedding_that_says_nothing_finds_nothing() -> None:
    same = torch.ones(20, 3)
    assert set(retrieval(same, same, torch.arange(20)).values()) == {0.0}


class Fake:
    """Two pictures, and prompts that begin with the name's axis of the space."""

    def images(self, images: list) -> torch.Tensor:
        return torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.8, 0.3]])

    def texts(self, texts: list[str]) -> torch.Tensor:
        return torch.eye(3)[[int(text[0]) for text in texts]]


PROMPTS = {"cat": ["0 a cat", "0 cats"], "dog": ["1 a dog"], "hat": ["2 a hat"]}


def test_zero_shot_counts_the_shown_among_as_many_best() -> None:
    # first picture: best two are cat and hat, shown cat and dog -> 1/2; second: best is dog, shown dog -> 1
    recall = zero_shot(Fake(), [None, None], PROMPTS, [{"cat", "dog"}, {"dog"}])  # type: ignore
    assert recall == 0.75


def test_recognised_asks_for_the_best_name_only() -> None:
    # first picture: best is cat, which it shows; second: best is dog, it shows a hat
    found = recognised(Fake(), [None, None], PROMPTS, [{"cat", "dog"}, {"hat"}])  # type: ignore
    assert found == 0.5


def test_a_name_is_the_mean_of_its_prompts() -> None:
    # the mean of axes 0 and 1 is nearer the first picture (0.9, 0.1, 0.5) than axis 2 is: 0.71 > 0.5
    found = recognised(Fake(), [None, None], {"pet": ["0", "1"], "hat": ["2"]}, [{"pet"}, {"pet"}])  # type: ignore
    assert found == 1.0
