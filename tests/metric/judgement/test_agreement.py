from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from metric.judgement.agreement import accuracy, bootstrap, kendall


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=3, max_size=40))
def test_both_taus_are_scipys(pairs):
    scores, human = np.array(pairs, dtype=float).T
    got = kendall(scores, human)
    for variant in "bc":
        expected = kendalltau(scores, human, variant=variant).statistic
        assert got[f"tau_{variant}"] == pytest.approx(expected, nan_ok=True)


def test_tau_counts_pairs():
    # of six pairs four are concordant, one is discordant, one is tied in the scores
    scores, human = np.array([1.0, 2.0, 3.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0])
    assert kendall(scores, human)["tau_b"] == pytest.approx(3 / np.sqrt(5 * 6))
    assert kendall(scores, human)["tau_c"] == pytest.approx(2 * 3 / 4**2 * 3 / 2)


def test_tau_of_a_constant_is_undefined():
    assert np.isnan(kendall(np.zeros(4), np.arange(4.0))["tau_b"])


def test_accuracy_is_the_mean_over_kinds_and_a_tie_is_an_error():
    got = accuracy(np.array([0.5, -0.1, 0.0, 0.3]), np.array(["hc", "hc", "hc", "mm"]))
    assert got == {"accuracy": pytest.approx((1 / 3 + 1) / 2), "hc": pytest.approx(1 / 3), "mm": 1.0, "ties": 0.25}


def test_bootstrap_of_a_mean_has_the_width_of_theory():
    values = np.random.default_rng(1).normal(size=400)
    units = [[number] for number in range(400)]
    low, high = bootstrap(lambda points: {"mean": values[points].mean()}, units, 2000)["mean"]
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_units_stand_and_fall_together():
    # one picture with a hundred equal data points varies as much as a picture with one
    values = np.array([0.0] * 100 + [1.0] * 100)
    units = [list(range(100)), list(range(100, 200))]
    assert bootstrap(lambda points: {"mean": values[points].mean()}, units, 200)["mean"] == [0.0, 1.0]
