"""Distinct prefixes, against sets of tuples; and that nothing of a captioner changes by them but its work."""

from itertools import product

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from captioner.generate import sequence_log_probabilities, true_tokens
from metric.prefixes import Prefixes

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
    asked = true_tokens(F.pad(tokens, (0, 1)), 1)  # none behind EOS
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
    assert torch.equal(prefixes.spread(x).flatten(0, 1), x) and torch.equal(prefixes.gather(prefixes.spread(x)), x)


@given(shapes, seeds)
def test_what_is_spread_is_gathered_again(shape, seed):
    prefixes = Prefixes.of(few_tokens(shape, seed), torch.ones(shape, dtype=torch.bool))
    x = torch.randn(len(prefixes.first), 2)
    assert torch.equal(prefixes.gather(prefixes.spread(x)), x)


def test_shared_beginnings_have_the_gradient_of_captions_one_by_one(two_words):
    captioner, features = two_words(max_length=8, decoder_layers=2), torch.randn(3, 5, 4)
    tokens = few_tokens((3, 4, 8), seed=5)
    weights = torch.randn(3, 4, 7)
    found = {}
    for name, parts in (("at once", [tokens]), ("one by one", tokens.split(1, dim=1))):
        captioner.zero_grad()
        log_p = torch.cat([sequence_log_probabilities(captioner, features, part) for part in parts], dim=1)
        (weights * log_p).sum().backward()
        found[name] = [log_p.detach(), *(parameter.grad.clone() for parameter in captioner.parameters())]
    assert len(Prefixes.of(tokens, true_tokens(F.pad(tokens, (0, 1)), 1)).first) < 60  # of 96 places
    for one, other in zip(found["at once"], found["one by one"]):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
