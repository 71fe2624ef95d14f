from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from captioner.hardening.phrases import foreign_phrases, phrases, told, with_phrases

REFERENCES = ["a dog in the desert", "a red cat on a box", "two dogs in a park"]
WORDS = st.lists(st.sampled_from("a dog cat in the of".split()), min_size=1, max_size=8).map(" ".join)


def test_what_captions_say_and_no_reference_says_is_found_by_its_shortest_phrase():
    captions = ["a dog in the desert of a desert"] * 4 + ["a red cat on a box"] * 4
    found = foreign_phrases(captions, REFERENCES)
    assert found == {("a", "desert"): 4, ("of",): 4}  # longer phrases hold these
    found = foreign_phrases(captions, [*REFERENCES, "the top of a box"])
    assert {told(phrase) for phrase in found} == {"desert of", "a desert"}


def test_a_broken_ending_is_a_phrase():
    found = foreign_phrases(["a dog in the"] * 3, REFERENCES)
    assert {told(phrase) for phrase in found} == {"the |"}


def test_a_phrase_of_two_captions_or_of_too_small_a_share_is_no_fault():
    assert foreign_phrases(["dog dog"] * 2 + ["a dog in the desert"] * 8, REFERENCES) == {}
    assert foreign_phrases(["dog dog"] * 3 + ["a dog in the desert"] * 97, REFERENCES, least=0.04) == {}


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=4))
def test_found_phrases_stand_in_captions_and_in_no_reference(captions, references):
    texts = [text for text in captions for _ in range(3)]
    found = foreign_phrases(texts, references)
    for phrase, count in found.items():
        plain = " ".join(phrase)
        inside = [f"< {text} >" for text in texts]
        assert sum(f" {plain} " in f" {text} " for text in inside) == count
        assert not any(f" {plain} " in f" < {text} > " for text in references)
    for one, other in product(found, found):
        assert one == other or f" {' '.join(one)} " not in f" {' '.join(other)} "


def test_captions_with_a_phrase_are_kept_with_their_pictures():
    captions = {"1": "A dog of a dog.", "2": "a dog"}
    assert with_phrases(captions, [("dog", "of")]) == {"1": "A dog of a dog."}
    assert with_phrases(captions, []) == {}


def test_phrases_have_up_to_four_words_and_ends():
    assert ("<", "a") in set(phrases("a dog"))
    assert max(map(len, phrases("a b c d e f"))) == 4
