"""Maxima and sums in pieces are those of the whole."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captioner.decoding.large_vocabulary import CACHED, PIECE, log_probability, parts, top


@given(st.integers(1, 40 * PIECE), st.integers(1, 6), st.integers(0, 2**31))
def test_the_highest_logits_are_those_of_topk(v, k, seed):
    logits = torch.randn(2, 3, v, generator=torch.Generator().manual_seed(seed))
    values, ids = top(logits, min(k, v))
    torch.testing.assert_close(values, logits.topk(min(k, v)).values, rtol=0, atol=0)
    torch.testing.assert_close(logits.gather(-1, ids), values, rtol=0, atol=0)


def test_the_highest_logits_may_share_a_piece_or_stand_in_the_last_short_one():
    v = 30 * PIECE + 7
    logits = torch.zeros(2, v)
    logits[0, [3, 5, 8]] = torch.tensor([1.0, 3.0, 2.0])
    logits[1, [v - 1, 9, 20 * PIECE]] = torch.tensor([3.0, 2.0, 1.0])
    assert top(logits, 3)[1].tolist() == [[5, 8, 3], [v - 1, 9, 20 * PIECE]]


def test_impossible_tokens_are_never_the_highest():
    logits = torch.full((1, 50 * PIECE), -torch.inf)
    logits[0, 77] = 0.0
    assert top(logits, 1)[1].item() == 77


@pytest.mark.parametrize("shape", [(1, 1, 5), (3, 2, 1000), (5, 2, CACHED // 4), (2, 3, CACHED + 1)])
def test_log_probabilities_are_those_of_the_whole(shape):
    logits, ids = 10 * torch.randn(shape), torch.randint(shape[-1], shape[:2])
    whole = logits.log_softmax(dim=-1).gather(-1, ids[..., None]).squeeze(-1)
    torch.testing.assert_close(log_probability(logits, ids), whole)


def test_parts_hold_what_belongs_together_and_stay_in_the_cache():
    logits, others = torch.randn(7, 2, CACHED // 6), torch.arange(7)
    found = list(parts(logits, others))
    assert [len(part) for part, _ in found] == [3, 3, 1]
    assert torch.equal(torch.cat([part for part, _ in found]), logits)
    assert torch.equal(torch.cat([other for _, other in found]), others)
