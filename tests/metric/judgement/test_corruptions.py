from __future__ import annotations

import random
from pathlib import Path

import pytest

from metric.example import Example
from metric.judgement.corruptions import CORRUPTIONS, LENGTH
from metric.judgement.vocabulary import PHOTO_NOUNS, bare, is_content
from metric.scenes.language import references
from metric.scenes.truth import truth
from metric.scenes.world import sample
from metric.scores.repetition import ends_badly

PHOTO = Example("1", Path("1.jpg"), ("A man and a dog on the beach .", "a person with his dog"))
CAPTION = "A brown dog runs in front of a man on the left ."


def corrupt(name: str, caption: str = CAPTION, example: Example = PHOTO, seed: int = 0) -> str | None:
    return CORRUPTIONS[name](caption, example, random.Random(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_changes_the_caption_and_only_the_seed_decides_how(name):
    assert corrupt(name) not in (None, CAPTION)
    assert corrupt(name) == corrupt(name)


def test_words_are_repeated_dropped_and_mixed():
    words = bare(CAPTION)
    assert any(f"{word} {word} {word}" in corrupt("repeated word") for word in words if is_content(word))
    assert corrupt("repeated phrase") == "A brown dog runs in front of a man on the left on the left on the left"
    assert corrupt("no function words") == "brown dog runs front man left"
    assert sorted(corrupt("keyword list").split()) == sorted("brown dog runs front man left".split())
    assert sorted(corrupt("shuffled order").split()) == sorted(words)


def test_broken_ending_is_one_that_no_sentence_has():
    for seed in range(10):
        assert ends_badly(corrupt("broken ending", seed=seed).split())


def test_padding_fills_up_to_a_length_and_not_beyond():
    assert len(corrupt("padding").split()) == LENGTH
    assert corrupt("padding", "word " * LENGTH) is None


def test_swapped_object_is_in_no_reference_and_has_its_article():
    for seed in range(30):
        text = corrupt("swapped object", "a dog", seed=seed)
        article, noun = text.split()
        assert noun not in ("dog", "man", "person", "beach")
        assert article == ("an" if noun[0] in "aeiou" else "a")
    plurals = {many for _, many in PHOTO_NOUNS}
    assert all(corrupt("swapped object", "two dogs", seed=seed).split()[1] in plurals for seed in range(30))


def test_what_a_caption_does_not_have_cannot_be_swapped():
    assert corrupt("swapped attribute", "a dog") is None
    assert corrupt("swapped relation", "a dog") is None
    assert corrupt("swapped object", "something here") is None


def test_a_thing_that_references_name_in_the_other_number_or_by_a_kind_is_no_hallucination():
    shown = Example("1", Path("1.jpg"), ("dogs and women on a beach",))
    added = {corrupt("hallucination", "two dogs play", shown, seed).split()[-1] for seed in range(200)}
    assert added and not added & {"dog", "woman", "person", "beach"}
    assert all("people" not in corrupt("swapped object", "two dogs and a man", shown, seed) for seed in range(30))


def test_an_article_keeps_its_capital():
    bus = Example("1", Path("1.jpg"), ("A red bus",))
    texts = {corrupt("swapped attribute", "A red bus on a street", bus, seed) for seed in range(60)}
    assert "An orange bus on a street" in texts and not any(text.startswith("A orange") for text in texts)
    assert "A green egg" in {corrupt("swapped attribute", "An orange egg", bus, seed) for seed in range(60)}


def test_a_corruption_says_something_else_than_the_caption():
    assert {corrupt("keyword list", "Dogs, running!", seed=seed) for seed in range(20)} == {"running dogs", None}
    assert corrupt("no function words", "dogs - running") is None
    digits = Example("1", Path("1.jpg"), ("3 dogs", "4 dogs"))
    assert {corrupt("swapped attribute", "two dogs", digits, seed) for seed in range(20)} == {"five dogs"}


def test_longest_phrase_is_the_relation_that_is_swapped():
    texts = {corrupt("swapped relation", "a dog in front of a man", seed=seed) for seed in range(20)}
    assert texts == {"a dog behind a man"}


@pytest.mark.parametrize("name", ["swapped object", "swapped attribute", "swapped relation", "hallucination"])
def test_in_a_scene_the_change_is_false_by_its_graph(name):
    changed = 0
    for index in range(40):
        scene = sample("val", index)
        example = Example(str(index), scene, references(scene))
        for caption in example.references:
            text = corrupt(name, caption, example)
            changed += text is not None
            assert text is None or truth(text, scene) < truth(caption, scene) == 1.0
    assert changed > 50


def test_praise_follows_the_caption_and_comes_of_a_list():
    text = corrupt("praise")
    assert text.startswith("A brown dog runs in front of a man on the left, ")
    assert len(set(text.split(", ")[1:])) == 3


def test_a_negated_claim_has_no_in_the_place_of_one_article():
    found = {corrupt("negated claim", "a dog on the beach", seed=seed) for seed in range(20)}
    assert found == {"no dog on the beach", "a dog on no beach"}
    assert corrupt("negated claim", "dogs run") is None


def test_misspelt_words_keep_their_letters():
    text = corrupt("misspelt words", "a brown dog", seed=0)
    assert text == "a borwn dog"
    assert corrupt("misspelt words", "a dog") is None
    assert sorted(corrupt("misspelt words")) == sorted(CAPTION)
