"""The probe of blind preference, on a scorer that counts letters and on made pairs."""

from __future__ import annotations

import numpy as np
import torch

from captioner.data import load
from experiments.blind_probe import Pair, pairs_of, shares, wins
from metric.example import Example


def test_a_word_is_exchanged_for_all_others_of_its_class():
    found = {pair.exchanged for pair in pairs_of([Example("a", None, ("two dogs on the left of a red car",))])}
    assert "two dogs above a red car" in found and "three dogs on the left of a red car" in found
    assert "two dogs on the left of a blue car" in found
    assert not any("on the right" in text and "on the right of" not in text for text in found), "no place of its own"
    (place, *_) = [pair for pair in pairs_of([Example("a", None, ("a cat on the left",))]) if "place" in pair.word]
    assert (place.word, place.other) == ("place on the left", "place in the middle")


class Lettered:
    """Scores a text by its number of letters `e`, but with the sign of the picture."""

    def images(self, images):
        return torch.tensor([[1.0], [-1.0]])[: len(images)]

    def texts(self, texts):
        return torch.tensor([[float(text.count("e"))] for text in texts])


def test_pairs_are_scored_with_the_picture_of_another_scene():
    pairs = [Pair(0, "x", "e", "c x", "c e"), Pair(1, "x", "e", "c x", "c e"), Pair(0, "x", "y", "c x", "c y")]
    assert wins(Lettered(), load("scenes", "test")[:2], pairs).tolist() == [0.0, 1.0, 0.5]


def test_both_words_of_a_pair_are_counted_and_rare_ones_left_out():
    pairs = [Pair(0, "", "", "a", "b")] * 20 + [Pair(0, "", "", "a", "c")] * 5
    assert shares(pairs, np.array([1.0] * 15 + [0.0] * 5 + [1.0] * 5)) == [("b", 0.75, 20), ("a", 0.2, 25)]
