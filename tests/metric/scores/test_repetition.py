"""Repetition counted by hand, and the properties that any count of it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.scores.repetition import ends_badly, repeated, repeated_share, vocabulary

orders = st.integers(1, 4)
words = st.lists(st.sampled_from("a the dog cat red".split()), max_size=12)


@pytest.mark.parametrize(
    ("n", "count"),
    [(1, 4), (2, 2), (3, 1), (4, 0)],
    # a dog a dog a red dog: a 3 times, dog 3 (2 + 2); "a dog" 2, "dog a" 2 (1 + 1); "a dog a" 2
)
def test_counts_occurrences_beyond_the_first(n, count):
    assert repeated("a dog a dog a red dog".split(), n) == count


def test_share_is_1_minus_unique_over_all():
    assert repeated_share("a a a b".split(), 1) == 1 - 2 / 4
    assert repeated_share("a a a b".split(), 2) == pytest.approx(1 - 2 / 3)  # a a, a a, a b
    assert repeated_share([], 4) == 0


@given(st.lists(st.text(min_size=1), unique=True), orders)
def test_nothing_is_repeated_without_a_repeated_word(tokens, n):
    assert repeated(tokens, n) == 0


@given(words, orders)
def test_saying_more_never_lowers_it(tokens, n):
    assert repeated([*tokens, *tokens[-1:]], n) >= repeated(tokens, n)


@given(words, orders)
def test_longer_runs_repeat_no_more_than_shorter_ones(tokens, n):
    assert repeated(tokens, n + 1) <= repeated(tokens, n)


def test_bad_endings():
    assert ends_badly("a man in a park with a".split())
    assert not ends_badly("a man in a park".split())
    assert not ends_badly([])


def test_vocabulary_is_of_all_captions_together():
    assert vocabulary([["a", "dog"], ["a", "cat"], []]) == 3
