"""Decoding without repeated n-grams, against the processor of transformers and against lists of all captions."""

from __future__ import annotations

import pytest
import torch
from transformers import NoRepeatNGramLogitsProcessor

from captioner.decoding.generate import METHODS, generate
from captioner.decoding.repeats import forbid_repeats
from tests.captioner.decoding.test_generate import FEATURES, enumerated, said, tiny


def twice(tokens: tuple[int, ...], n: int) -> bool:
    """Whether an n-gram is there twice."""
    ngrams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
    return len(set(ngrams)) < len(ngrams)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_forbidden_tokens_are_those_of_transformers(n, length):
    generator = torch.Generator().manual_seed(n * length)
    tokens = torch.randint(0, 4, (3, 5, length), generator=generator)
    scores = torch.randn(3, 5, 6, generator=generator)
    theirs = NoRepeatNGramLogitsProcessor(n)(tokens.flatten(0, 1), scores.flatten(0, 1).clone())
    ours = forbid_repeats(scores.clone(), tokens, n)
    assert torch.equal(ours.flatten(0, 1), theirs)
    assert length < 40 or ours.isinf().any()


def test_zero_forbids_nothing():
    scores = torch.zeros(1, 1, 3)
    assert torch.equal(forbid_repeats(scores, torch.zeros(1, 1, 9, dtype=torch.long), 0), torch.zeros(1, 1, 3))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2])
def test_no_method_says_an_ngram_twice(method, n):
    captioner = tiny(count=5)
    options = {"k": 1 if method == "greedy" else 3, "max_length": 8}
    plain = generate(captioner, FEATURES, method=method, generator=torch.Generator().manual_seed(0), **options)
    assert any(twice((0, *said(row)), n) for row in plain.tokens.flatten(0, 1))  # else the test shows nothing
    drawn = torch.Generator().manual_seed(0)
    found = generate(captioner, FEATURES, method=method, generator=drawn, no_repeat_ngram=n, **options)
    assert not any(twice((0, *said(row)), n) for row in found.tokens.flatten(0, 1))


def test_the_widest_beam_without_repeats_is_the_list_of_captions_without_repeats():
    captioner, length = tiny(), 3
    possible = [(total, tokens) for total, tokens in enumerated(captioner, FEATURES[0], length) if not twice(tokens, 1)]
    possible = [(total, tokens) for total, tokens in possible if 0 not in tokens]  # the beginning is a token too
    k = len(possible)
    found = generate(captioner, FEATURES[:1], k=k, max_length=length, no_repeat_ngram=1)
    assert [said(row) for row in found.tokens[0]] == [tokens for _, tokens in possible]
    totals = torch.tensor([total for total, _ in possible])
    torch.testing.assert_close(found.log_probabilities[0], totals, atol=1e-4, rtol=1e-4)  # those of the model
