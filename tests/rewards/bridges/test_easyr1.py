"""Rewards by the calling conventions of EasyR1: a file that is loaded by its path, and a function of a whole batch."""

from __future__ import annotations

import importlib.util
from functools import partial

import pytest

from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse
from rewards.bridges import easyr1

SCENE = sample("train", 0)


def test_the_file_is_loaded_by_its_path_and_called_with_a_batch():
    found = importlib.util.spec_from_file_location("custom_reward_fn", easyr1.__file__)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    assert module.REWARD_TYPE == "batch" and isinstance(module.REWARD_NAME, str)
    call = partial(module.compute_score, reward="rouge_l repetition:n=1,weight=0.5", limit=4)
    texts = ["a dog", "a dog with a"]
    truths = [list(references(SCENE)), references(SCENE)[0]]
    scores = call(
        [
            {"response": text, "response_length": 2 * n + 2, "ground_truth": truth}
            for n, (text, truth) in enumerate(zip(texts, truths))
        ]
    )
    mix = build([parse("rouge_l"), parse("repetition:n=1,weight=0.5")], Context())
    for caption, truth, score in zip((texts[0], Cut(texts[1])), (references(SCENE), references(SCENE)[:1]), scores):
        total, parts = mix([Example("x", SCENE, truth)], [[caption]])
        expected = {"overall": total.item(), **{key: value.item() for key, value in parts.items()}}
        assert score == pytest.approx(expected, abs=1e-6)


def test_a_scale_goes_to_the_total_alone():
    given = [{"response": "a a", "response_length": 3, "ground_truth": ["a"]}]
    (score,) = easyr1.compute_score(given, reward="repetition:n=1", scale="unit:least=-4,most=0")
    assert score == {"overall": 0.75, "repetition": -1.0}
