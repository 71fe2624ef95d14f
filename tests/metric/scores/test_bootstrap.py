"""The bootstrap against theory, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from metric.evaluation import evaluate
from metric.example import Example
from metric.scores.bootstrap import Pooled, difference, draws, interval, mean_of, resample


def test_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(1).normal(3, 2, 400)
    low, high = interval(resample({"x": mean_of(values)}, 4000, np.random.default_rng(0))["x"])
    half = norm.ppf(0.975) * values.std() / 20  # sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_interval_of_a_ratio_is_scipys():
    rng = np.random.default_rng(2)
    said, wrong = rng.integers(1, 5, 60), rng.integers(0, 2, 60)
    pooled = Pooled(np.stack([wrong, said], 1), lambda sums: sums[:, 0] / sums[:, 1])
    ours = interval(resample({"x": pooled}, 9000, rng)["x"])
    ratio = lambda wrong, said, axis: wrong.sum(axis) / said.sum(axis)  # noqa: E731
    theirs = bootstrap((wrong, said), ratio, paired=True, method="percentile", n_resamples=9000, rng=rng)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 20))
def test_every_draw_has_as_many_captions_as_there_are(n, r):
    assert (draws(n, r, np.random.default_rng(0)).sum(1) == n).all()


def test_scores_are_drawn_together_and_again_alike():
    values = np.arange(50.0)
    scores = {"x": mean_of(values), "2x": mean_of(2 * values)}
    first = resample(scores, 450, np.random.default_rng(3))
    assert np.allclose(first["2x"], 2 * first["x"]) and len(first["x"]) == 450
    assert (resample(scores, 450, np.random.default_rng(3))["x"] == first["x"]).all()
    assert resample({}, 10, np.random.default_rng(0)) == {}


def test_pooled_bleu_of_a_draw_is_the_bleu_of_its_captions():
    """Draws without repetition, and with: each caption as often as it was drawn, under new ids."""
    texts = ["a red dog runs on grass", "a cat sits on a", "two men in the park walk home"]
    references = [("a red dog runs on the grass",), ("a cat sits on a chair", "a cat"), ("two men walk in the park",)]

    def score(drawn: list[int]):
        examples = [Example(str(i), None, references[which]) for i, which in enumerate(drawn)]
        return evaluate({str(i): texts[which] for i, which in enumerate(drawn)}, examples, ["classic"])

    pooled = score([0, 1, 2]).pooled
    for drawn in [0, 1, 2], [0, 0, 2], [1, 1, 1]:
        sums = np.bincount(drawn, minlength=3)[None] @ pooled["bleu_4"].sums
        for n in 1, 2, 3, 4:
            name = f"bleu_{n}"
            assert pooled[name].score(sums)[0] == pytest.approx(score(drawn).corpus[name], rel=1e-12), (drawn, n)


def test_difference_of_two_files_of_equal_quality_is_seldom_significant():
    """Under the null hypothesis p < 0.05 comes up in about 5 of 100 comparisons."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(200):
        change = rng.normal(0, 1, 80)
        found.append(difference(0, change.mean(), resample({"x": mean_of(change)}, 400, rng)["x"]).p)
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.11


def test_difference_has_a_sign_and_the_least_p_its_resamples_allow():
    change = np.random.default_rng(5).normal(1, 0.1, 50)
    found = difference(2, 3, resample({"x": mean_of(change)}, 999, np.random.default_rng(0))["x"])
    assert found.difference == 1 and 0 < found.low < 1.1 and found.p == pytest.approx(2 / 1000)
    same = difference(2, 2, np.zeros(999))
    assert same == (0, 0, 0, 1)
