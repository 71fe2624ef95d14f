"""The probe, on embeddings that hold the side of a thing, and on embeddings that do not."""

from __future__ import annotations

import numpy as np
import pytest

from captioner.data import load
from experiments.relation_probe import AXES, probe, ridge, sides_of, told


@pytest.fixture(scope="module")
def scenes():
    return load("scenes:count=600", "train")


def test_the_side_is_that_of_the_kind_and_not_of_the_first_thing(scenes):
    kind = scenes[0].image.things[0].kind
    places, sides = sides_of(kind, AXES[0], scenes)
    assert len(places) > 3
    for place, first in zip(places, sides):
        scene = scenes[place].image
        mine = scene.relation if scene.things[0].kind == kind else {"left": "right", "right": "left"}[scene.relation]
        assert (mine == "left") == first


def embedded(examples, strength: float) -> np.ndarray:
    """Noise, plus a direction for each kind that says on which side it is."""
    rng = np.random.default_rng(0)
    directions = {}
    rows = rng.normal(size=(len(examples), 40))
    for row, example in zip(rows, examples):
        scene = example.image
        for number, thing in enumerate(scene.things):
            side = {"left": 1, "right": -1}.get(scene.relation, 0) * (1 - 2 * number)
            row += strength * side * directions.setdefault(thing.kind, rng.normal(size=40))
    return rows


def test_a_side_that_is_there_is_told_and_one_that_is_not_is_chance(scenes):
    unseen = load("scenes", "test")
    both = [*scenes, *unseen]
    for strength, low, high in ((1.0, 0.9, 1.0), (0.0, 0.4, 0.6)):
        rows = embedded(both, strength)
        share, count = told(AXES[0], (scenes, rows[:600]), (unseen, rows[600:]))
        assert count > 100 and low <= share <= high


def test_ridge_without_a_penalty_is_least_squares():
    rng = np.random.default_rng(1)
    x, asked = rng.normal(size=(30, 4)), rng.normal(size=(9, 4))
    sides = x[:, 0] > 0.1
    weights = np.linalg.lstsq(np.c_[x, np.ones(30)], np.where(sides, 1.0, -1.0), rcond=None)[0]
    assert (ridge(x, sides, asked, 1e-12) == (np.c_[asked, np.ones(9)] @ weights > 0)).all()
    assert (probe(x, sides, asked) == (asked[:, 0] > 0.1)).mean() > 0.7
