"""Diversity by hand and by its extremes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metric.evaluation import evaluate
from metric.example import Example
from metric.scores.cider import DocumentFrequency
from metric.scores.diversity import distinct, novelty, self_cider

DF = DocumentFrequency.from_references(
    [[text.split()] for text in ("a b c d", "a dog runs", "two cats sleep", "x y z w", "e f g h")]
)
EXAMPLES = [Example("1", Path("1")), Example("2", Path("2"))]


def test_distinct_is_different_n_grams_over_words():
    captions = ["a dog a dog".split(), "a cat".split()]  # a dog cat; a-dog dog-a a-cat; 6 words
    assert distinct(captions, 1) == 3 / 6 and distinct(captions, 2) == 3 / 6
    assert distinct([], 1) == distinct([[]], 2) == 0


def test_self_cider_is_0_of_copies_and_1_of_captions_that_share_nothing():
    assert self_cider(["a b c d".split()] * 5, DF) == pytest.approx(0, abs=1e-6)
    assert self_cider([text.split() for text in ("x y z w", "e f g h", "b c d a")], DF) == pytest.approx(1, abs=0.05)
    assert self_cider([[], []], DF) == 0


def test_self_cider_of_two_by_hand():
    # Each alone has cosine 1 with itself in each order it has; b c: 1-gram cosine 1/2 (b of b c, b of b d).
    df = DocumentFrequency({}, 10)
    one, two = "b c".split(), "b d".split()
    kernel = np.array([[2.0, 0.5], [0.5, 2.0]]) / 4  # 1-grams and 2-grams of four orders
    first, second = np.sqrt(np.linalg.eigvalsh(kernel))
    assert self_cider([one, two], df) == pytest.approx(-np.log(second / (first + second)) / np.log(2))


def test_one_caption_has_no_diversity():
    with pytest.raises(ValueError, match="got 1"):
        self_cider([["a"]], DF)


def test_novelty_is_of_tokens():
    assert novelty([("a", "dog"), ("a", "cat")], [["a", "dog"]]) == [False, True]


def test_novelty_reads_the_training_captions(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"7": ["A dog runs.", "A cat."]}))
    found = evaluate({"1": "a dog runs", "2": "a dog sleeps"}, EXAMPLES, [f"novelty:training={path}"])
    assert found.corpus["novelty"] == 50 and "2 training captions" in found.facts["novelty"]
    assert "training=" in evaluate({"1": "a"}, EXAMPLES, ["novelty"]).skipped["novelty"]
    path.write_text("[1]")
    with pytest.raises(ValueError, match="must be a JSON file"):
        evaluate({"1": "a"}, EXAMPLES, [f"novelty:training={path}"])
