from __future__ import annotations

import random
from pathlib import Path

import pytest

from metric.example import Example
from metric.positives.sources import ReferencePositives, ScenePositives
from metric.scenes.language import references
from metric.scenes.world import Scene, sample

SCENE = sample("train", 3)
EXAMPLE = Example("3", SCENE, references(SCENE, 3))


def test_renderer_draws_the_same_scene_in_another_look() -> None:
    made = ScenePositives().image(EXAMPLE, EXAMPLE.references[0], random.Random(0))
    assert isinstance(made, Scene) and made.look != SCENE.look and made.again(SCENE.look) == SCENE


def test_renderer_says_it_in_other_words() -> None:
    rng, positives = random.Random(0), ScenePositives()
    for caption in EXAMPLE.references:
        assert positives.text(EXAMPLE, caption, rng) != caption


def test_renderer_wants_scenes() -> None:
    with pytest.raises(ValueError, match="scenes only"):
        ScenePositives().image(Example("x", Path("x.jpg")), "a cat", random.Random(0))


def test_human_captions_serve_where_nothing_was_made() -> None:
    example = Example("x", Path("x.jpg"), ("a cat", "the cat"))
    positives, rng = ReferencePositives(), random.Random(0)
    assert positives.text(example, "a cat", rng) == "the cat"
    assert positives.image(example, "a cat", rng) is None
    assert positives.text(Example("y", Path("y.jpg"), ("a cat",)), "a cat", rng) is None
