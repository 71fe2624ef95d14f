"""The best of several captions by a reward, against the choice by hand."""

from __future__ import annotations

import torch

from captioner.config import Decode
from captioner.decoding.best_of import BestOf, lots, order
from captioner.decoding.generate import captions_of, generate
from metric.example import Example
from rewards import Context, build, parse

FEATURES = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))  # b p f
EXAMPLES = [Example(name, None) for name in "abc"]


class Store:
    """The features of the pictures a, b and c."""

    def __getitem__(self, ids):
        return FEATURES[["abc".index(name) for name in ids]]


def test_the_caption_with_the_highest_reward_is_kept(two_words):
    captioner = two_words(max_length=6, drop_features=0.1)
    reward = build([parse("length:least=2,most=3")], Context([]))
    decode = Decode(max_length=6, guidance=2.0)
    found = captions_of(captioner, EXAMPLES, Store(), decode, search=BestOf(8, reward))
    drawn = generate(
        captioner, FEATURES, method="sample", k=8, max_length=6, guidance=2.0, lots=lots("abc", 8, 6, seed=0)
    ).captions
    totals = reward(EXAMPLES, drawn)[0].tolist()
    best = [row[max(range(8), key=total.__getitem__)] for row, total in zip(drawn, totals)]
    assert list(found.values()) == best and len({str(caption) for row in drawn for caption in row}) > 3


def test_a_draw_depends_on_its_picture_alone():
    assert torch.equal(lots("abc", 4, 6, seed=0)[1], lots("b", 4, 6, seed=0)[0])
    assert not torch.equal(lots("b", 4, 6, seed=1), lots("b", 4, 6, seed=0))


def test_of_equal_rewards_the_first_wins():
    assert order(torch.tensor([[1.0, 2.0, 2.0]]), best=True).tolist() == [[1, 2, 0]]
    assert order(torch.tensor([[1.0, 2.0, 2.0]]), best=False).tolist() == [[0, 1, 2]]
