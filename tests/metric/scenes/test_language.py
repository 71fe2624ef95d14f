import random

import pytest

from metric.scenes.language import alt_text, keywords, references
from metric.scenes.truth import belongs, claims, false_words, recall, truth
from metric.scenes.world import Scene, Thing, sample

SCENES = [sample(split, number) for split in ("train", "ood") for number in range(200)]


def test_references_are_five_different_true_sentences():
    for scene in SCENES:
        said = references(scene)
        assert len(set(said)) == 5
        assert all(belongs(caption) and truth(caption, scene) == 1.0 for caption in said)


def test_references_are_the_same_again_and_others_by_seed():
    scene = SCENES[0]
    assert references(scene) == references(scene) != references(scene, seed=1)


def test_references_name_something():
    assert all(recall(caption, scene) >= 0.5 for scene in SCENES for caption in references(scene))


def test_sentences_have_many_forms():
    forms = {caption.split()[0] for scene in SCENES for caption in references(scene)}
    assert {"a", "an", "there", "two", "three"} <= forms


def test_alt_text_is_a_list_of_8_to_14_words_and_no_sentence():
    texts = [alt_text(scene, random.Random(number)) for number, scene in enumerate(SCENES)]
    assert all(8 <= len(text.split()) <= 15 for text in texts)
    assert sum(map(belongs, texts)) == 0


def test_alt_text_is_sometimes_wrong_and_keywords_never():
    alt = [truth(alt_text(scene, random.Random(number)), scene) for number, scene in enumerate(SCENES)]
    assert 0.3 < sum(alt) / len(alt) < 1.0
    for scene in SCENES:  # a bare list binds no words, so only what stands alone can be told
        said = {claim for claim in claims(keywords(scene)) if claim[0] in ("kind", "setting")}
        assert said == {("setting", scene.setting), *(("kind", thing.kind) for thing in scene.things)}


SCENE = Scene(
    "beach",
    (Thing("cat", "red", "small", 1, "sleeping"), Thing("car", "blue", "large", 2)),
    relation="left",
    look=1,
)


def test_claims_are_read_from_a_sentence():
    assert claims("a small red kitten napping to the left of two blue cars on the beach") == {
        ("kind", "cat"),
        ("count", "cat", "1"),
        ("size", "cat", "small"),
        ("colour", "cat", "red"),
        ("state", "cat", "sleeping"),
        ("kind", "car"),
        ("count", "car", "2"),
        ("colour", "car", "blue"),
        ("relation", "cat", "left", "car"),
        ("setting", "beach"),
    }


@pytest.mark.parametrize(
    "caption, marked",
    [
        ("a red cat on the beach", ""),
        ("a blue cat in the snow", "blue snow"),
        ("Two red cats.", "Two"),
        ("a red kitten on the right of two blue cars", "on the right of"),
        ("a green boat", "a green boat"),  # no boat is there, so nothing that is said of it holds
        ("the red-hot cat, jumping", "jumping"),
    ],
)
def test_false_words_are_those_of_claims_that_do_not_hold(caption, marked):
    places = false_words(caption, SCENE)
    assert " ".join(word for place, word in enumerate(caption.split()) if place in places) == marked


def test_a_caption_has_false_words_where_its_truth_is_below_one():
    for scene, other in zip(SCENES, SCENES[1:]):
        for caption in references(other):
            assert bool(false_words(caption, scene)) == (truth(caption, scene) < 1)


def test_truth_is_the_share_of_true_claims():
    assert truth("a red cat", SCENE) == 1.0  # kind, count, colour
    assert truth("a blue cat", SCENE) == 2 / 3
    assert truth("a red cat to the right of two cars", SCENE) == 5 / 6  # only the relation is wrong
    assert truth("two cars beside a cat", SCENE) == 1.0
    assert truth("a dog", SCENE) == 0.0
    assert truth("nothing to see here", SCENE) == 0.0


def test_repeating_a_true_claim_gains_nothing():
    assert truth("a red cat cat cat", SCENE) == truth("a red cat", SCENE)


def test_recall_counts_things_named():
    assert [recall(caption, SCENE) for caption in ("a beach", "a cat", "a cat and two cars")] == [
        0.0,
        0.5,
        1.0,
    ]


def test_broken_sentences_do_not_belong():
    for caption in (
        "a blue flower beach",
        "a red cat is",
        "a red cats on the beach",
        "an red cat",
        "a umbrella",
        "two dog",
        "a cat sleeping sleeping",
        "a red cat to the left of a",
        "there are a cat in the snow",
        "a cat a cat on the beach",
        "",
    ):
        assert not belongs(caption), caption
    for caption in (
        "A red cat on the beach.",
        "an orange cat",
        "two dogs are sleeping in the snow",
        "a cat in the room",
    ):
        assert belongs(caption), caption
