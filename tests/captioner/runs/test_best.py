"""The best evaluation of a stage, in either direction of a score, and patience."""

import pytest

from captioner.config import Run, Xe
from captioner.config_checks import check
from captioner.runs.best import best, curve, is_better, out_of_patience

ROWS = [
    {"stage": "xe", "step": step, "val/cider": value, "val/rep_4": value}
    for step, value in ((1, 0.5), (2, 0.9), (3, 0.7), (4, 0.9), (5, 0.8))
] + [{"stage": "reward", "step": 0, "val/cider": 2.0}, {"stage": "xe", "step": 6, "loss": 1.0, "val/cider": None}]


def waiting(patience: int, rows=ROWS) -> str:
    return out_of_patience(Run(keep_best="cider", xe=Xe(steps=9, patience=patience)), rows)


def test_the_best_is_the_first_of_the_best_values_in_the_direction_of_the_score():
    assert best("cider", curve(ROWS, "xe", "cider")) == (2, 0.9)
    assert best("rep_4", curve(ROWS, "xe", "rep_4")) == (1, 0.5)
    assert best("cider", curve(ROWS, "reward", "cider")) == (0, 2.0)


def test_a_value_is_better_than_none_and_no_equal_value_is():
    assert is_better("cider", [], -1.0)
    assert [is_better("cider", [(1, 0.9)], value) for value in (0.8, 0.9, 1.0)] == [False, False, True]
    assert [is_better("rep_4", [(1, 0.9)], value) for value in (0.8, 0.9, 1.0)] == [True, False, False]


def test_patience_counts_the_evaluations_since_the_best():
    assert waiting(3) == "no better cider than 0.900 of step 2 in 3 evaluations"
    assert waiting(4) == waiting(0) == waiting(3, ROWS[:4]) == waiting(3, []) == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keep_best": "cidr"}, "no score is called 'cidr'; did you mean cider?"),
        ({"keep_best": "length"}, "--keep-best takes a score that is better when it is higher or lower, got length"),
        ({"xe": Xe(patience=3)}, "--xe.patience 3 waits for a better score, got no --keep-best"),
        ({"keep_best": "cider", "xe": Xe(patience=-1)}, "--xe.patience is 0 or more, got -1"),
    ],
)
def test_a_choice_by_no_score_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        check(Run(**settings))
