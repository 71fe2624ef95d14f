from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr

from metric.judgement.agreement import accuracy, bootstrap, kendall, linear, paired, resampled


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


@given(st.lists(st.tuples(st.floats(-9, 9, width=16), st.integers(1, 4)), min_size=3, max_size=40))
def test_pearson_and_spearman_are_scipys(pairs):
    scores, human = np.array(pairs, dtype=float).T
    got = linear(scores, human)
    if np.ptp(scores) == 0 or np.ptp(human) == 0:
        assert np.isnan([*got.values()]).all()
        return
    expected = {"pearson": pearsonr(scores, human).statistic, "spearman": spearmanr(scores, human).statistic}
    assert got == pytest.approx(expected, abs=1e-9)


def test_a_tie_is_half_a_point_or_a_point_by_lot_or_an_error():
    margins, kinds = np.array([1.0, 0.0, 0.0, -1.0]), np.array(["", "", "", ""])
    assert accuracy(margins, kinds, "half") == {"accuracy": 0.5, "ties": 0.5}
    assert accuracy(margins, kinds, "lot", np.array([0, 1, 1, 1])) == {"accuracy": 0.75, "ties": 0.5}
    assert accuracy(margins, kinds, "error") == {"accuracy": 0.25, "ties": 0.5}


def test_two_metrics_see_the_same_resamples_so_that_a_constant_difference_has_no_spread():
    values = np.random.default_rng(2).normal(size=50)
    measures = {
        "one": lambda points: {"mean": values[points].mean()},
        "two": lambda points: {"mean": values[points].mean() + 0.25},
    }
    drawn = resampled(measures, [[number] for number in range(50)], 100)
    got = paired(0.0, 0.25, drawn["one"]["mean"], drawn["two"]["mean"])
    assert got[:3] == pytest.approx((0.25, 0.25, 0.25)) and got.p == pytest.approx(2 / 101)
    same = paired(0.0, 0.0, drawn["one"]["mean"], drawn["one"]["mean"])
    assert same.p == 1


def test_a_difference_that_is_undefined_is_none():
    nothing = np.full(3, np.nan)
    assert paired(np.nan, 0.5, nothing, np.ones(3)) is None and paired(0.5, 0.5, nothing, np.ones(3)) is None


def test_a_kind_that_the_first_resample_lacks_has_an_interval():
    measures = {"": lambda points: {f"kind {point}": 1.0 for point in points.tolist()}}
    drawn = resampled(measures, [[number] for number in range(6)], 20)[""]
    assert len(drawn) == 6 and all(len(values) == 20 for values in drawn.values())
