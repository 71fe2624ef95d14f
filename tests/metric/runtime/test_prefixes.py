"""Distinct prefixes, against sets of tuples."""

from itertools import product

import torch
from hypothesis import given
from hypothesis import strategies as st

from metric.runtime.prefixes import Prefixes

shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 7))  # b k t
seeds = st.integers(0, 2**31)


def few_tokens(shape: tuple[int, int, int], seed: int) -> torch.Tensor:
    """BOS and then one of three tokens, of which 1 is EOS: many captions begin alike."""
    tokens = torch.randint(0, 3, shape, generator=torch.Generator().manual_seed(seed))
    tokens[..., 0] = 0
    return tokens


@given(shapes, seeds)
def test_each_distinct_prefix_that_is_asked_for_has_one_number(shape, seed):
    tokens = few_tokens(shape, seed)
    asked = (tokens == 1).cumsum(-1) == 0  # none from EOS on
    prefixes = Prefixes.of(tokens, asked)
    names = [(b, *tokens[b, k, : t + 1].tolist()) for b, k, t in product(*map(range, shape))]
    wanted = [name for name, is_asked in zip(names, asked.flatten().tolist()) if is_asked]
    assert [names[place] for place in prefixes.first.tolist()] == list(dict.fromkeys(wanted))
    for name, is_asked, number in zip(names, asked.flatten().tolist(), prefixes.number.flatten().tolist()):
        assert not is_asked or names[prefixes.first[number]] == name
    assert prefixes.last.tolist() == [names[place][-1] for place in prefixes.first.tolist()]
    assert prefixes.positions.tolist() == [len(names[place]) - 2 for place in prefixes.first.tolist()]


def test_apart_every_place_is_its_own():
    prefixes = Prefixes.apart(few_tokens((2, 3, 4), 0))
    x = torch.arange(24)[:, None]
    assert torch.equal(prefixes.expand(x).flatten(0, 1), x) and torch.equal(prefixes.gather(prefixes.expand(x)), x)


@given(shapes, seeds)
def test_what_is_spread_is_gathered_again(shape, seed):
    prefixes = Prefixes.of(few_tokens(shape, seed), torch.ones(shape, dtype=torch.bool))
    x = torch.randn(len(prefixes.first), 2)
    assert torch.equal(prefixes.gather(prefixes.expand(x)), x)
