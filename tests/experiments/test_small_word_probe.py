"""The probe of small words, on a scorer that counts words and on the embedded CLIP."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from captioner.data import load
from experiments.small_word_probe import Pair, changes, pairs_of, preferred, shares
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.scenes.truth import belongs


@pytest.fixture(scope="module")
def scenes():
    return load("scenes", "test")[:8]


def test_changes_are_of_one_word():
    found = dict(changes("two cats are in the snow".split()))
    assert " ".join(found["in -> on"]) == "two cats are on the snow"
    assert " ".join(found["without the"]) == "two cats are in snow"
    assert " ".join(found["several -> one"]) == "two cat are in the snow"
    assert "in -> in" not in found


def test_pairs_are_a_sentence_and_what_is_none(scenes):
    pairs = pairs_of(scenes)
    assert len(pairs) > 500 and len({(pair.reference, pair.fault, pair.scene) for pair in pairs}) == len(pairs)
    assert all(belongs(pair.reference) and not belongs(pair.fault) for pair in pairs)


class Counting:
    """Scores a text by its number of letters `a`, whatever the picture."""

    def images(self, images):
        return torch.ones(len(images), 1)

    def texts(self, texts):
        return torch.tensor([[float(text.count("a"))] for text in texts])


def test_a_fault_is_preferred_where_it_scores_as_high_as_its_reference(scenes):
    pairs = [
        Pair(0, "a cat", "a -> an", "an cat"),
        Pair(1, "a cat", "without a", "cat"),
        Pair(0, "cat", "more", "a cat"),
    ]
    assert preferred(Counting(), scenes, pairs).tolist() == [True, False, True]


def test_the_score_is_the_product_of_picture_and_text(scenes):
    embedder, pairs = Embedder(load_clip("scenes-clip")), pairs_of(scenes[:2])[:6]
    for pair, wrong in zip(pairs, preferred(embedder, scenes, pairs)):
        (image,) = embedder.images([scenes[pair.scene].image])
        right, fault = embedder.texts([f"A photo depicts {text}" for text in (pair.reference, pair.fault)])
        assert wrong == bool(image @ fault >= image @ right)


def test_the_worst_change_is_first_and_rare_ones_are_left_out():
    pairs = [Pair(0, "x", change, "y") for change in ["a"] * 20 + ["b"] * 20 + ["c"] * 3]
    wrong = np.array([True] * 5 + [False] * 15 + [True] * 10 + [False] * 10 + [True] * 3)
    assert shares(pairs, wrong) == [("b", 0.5, 20), ("a", 0.25, 20)]
