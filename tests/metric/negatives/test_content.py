from __future__ import annotations

import random

import pytest

from metric.negatives import content
from metric.negatives.drawing import draw, kinds_of
from metric.negatives.pool import Caption, Pool
from metric.scenes.language import references
from metric.scenes.truth import truth
from metric.scenes.world import sample

CAPTIONS = [
    Caption("a red ball on a blue box"),
    Caption("a green ball on a blue box"),
    Caption("two dogs behind a box"),
    Caption("three dogs behind a ball"),
    Caption("a box on a ball"),
]
POOL = Pool(CAPTIONS)


def found(rule, text: str, references: tuple[str, ...] = (), pool: Pool = POOL) -> set[str]:
    """All that a rule makes of a caption, over a hundred generators."""
    made = [rule(Caption(text, references), pool, random.Random(seed)) for seed in range(100)]
    return {" ".join(words) for words in made if words}


def test_words_are_exchanged_where_captions_have_the_same_frame():
    assert found(content.attribute, "a red ball on a blue box") == {"a green ball on a blue box"}
    assert found(content.thing, "a red ball") == set()  # no other caption ends in `red ...`
    assert found(content.thing, "two dogs behind a box") == {"two dogs behind a ball"}


def test_what_a_reference_says_is_not_put_in():
    assert found(content.attribute, "a red ball on a blue box", ("there are green things",)) == set()


def test_words_that_two_references_of_one_picture_exchange_agree():
    """`puppy` and `dog` name one thing: a third picture's puppy is no false dog."""
    both = Caption("a puppy on the grass", ("a puppy on the grass", "a dog on the grass"))
    pool = Pool([both, Caption("a cat on the grass")])
    assert found(content.thing, "a dog on the grass", pool=pool) == {"a cat on the grass"}


def test_numbers_relations_and_sides_are_exchanged():
    assert found(content.number, "two dogs behind a box") == {"three dogs behind a box"}
    assert found(content.relation, "a red ball on a box") == {"a red ball behind a box"}
    assert found(content.sides, "a red ball on a blue box") == {"a blue box on a red ball"}
    assert found(content.sides, "a red ball next to a blue box") == set()  # holds both ways


def test_a_number_in_letters_is_no_other_number_than_in_digits():
    pool = Pool([Caption("2 dogs run"), Caption("two dogs run"), Caption("three dogs run")])
    assert found(content.number, "2 dogs run", pool=pool) == {"three dogs run"}
    assert found(content.number, "two dogs run", pool=pool) == {"three dogs run"}
    assert found(content.number, "three dogs run", ("2 dogs run",), pool) == set()
    assert found(content.number, "two dogs at tennis", pool=Pool([Caption("ten dogs")])) == {"ten dogs at tennis"}


def test_signs_hide_no_word_and_stay_in_their_places():
    pool = Pool([Caption("a puppy, a cat on a box"), Caption("a dog, a cat on a ball")])
    assert found(content.thing, "a dog, a cat", pool=pool) == {"a puppy, a cat"}
    assert found(content.thing, "a dog, a cat", ('a "puppy" there',), pool) == set()
    assert found(content.sides, "a ball on a box, in rain") == {"a box on a ball, in rain"}
    assert found(content.sides, "a dog, a ball on a box, a cat") == {"a dog, a box on a ball, a cat"}
    colours = Pool([Caption("a red ball"), Caption("an orange ball")])
    assert found(content.binding, "a red, old dog, an orange car", pool=colours) == {"an orange, old dog, a red car"}
    agreed = Pool([Caption("a puppy runs", ("a puppy, black, runs", "a dog, black, runs")), Caption("a dog runs")])
    assert found(content.thing, "a puppy runs", pool=agreed) == set()


def test_places_of_the_picture_are_exchanged():
    """`on the left of` has a thing behind it and is a relation. What a reference says of the place is not put in."""
    pool = Pool([Caption("a cat on the left"), Caption("a dog in the middle"), Caption("a cow to the right of a car")])
    assert found(content.place, "a cat on the left", pool=pool) == {"a cat in the middle"}
    assert found(content.place, "a cow to the right of a car", pool=pool) == set()
    assert found(content.place, "a cat on the left", ("it is in the middle",), pool) == set()
    assert found(content.relation, "a cat on the left", pool=pool) == set()
    others = Pool(
        [Caption(f"a cat {place}") for place in ("at the top", "in the center", "on the left side", "in back")]
    )
    assert found(content.place, "a cat on the left", pool=others) == {"a cat in the center"}
    assert found(content.place, "a cat in the middle", pool=others) == set(), "the center is the middle"


def test_sides_stay_where_the_batch_never_has_them_so():
    """No caption says a beach on something, so a reader without the picture would know the fault."""
    pool = Pool([*CAPTIONS, Caption("a dog on a beach")])
    assert found(content.sides, "a ball on a beach", pool=pool) == set()


def test_attributes_change_their_owner_and_the_article_follows():
    pool = Pool([Caption("a red ball"), Caption("an orange ball")])
    assert found(content.binding, "a red dog and an orange car", pool=pool) == {"an orange dog and a red car"}
    assert found(content.binding, "a red orange car", pool=pool) == set()  # one owner


@pytest.mark.parametrize("kind", ["thing", "attribute", "number", "relation", "sides", "binding"])
def test_exchanged_claims_are_false_by_the_scenes_own_truth(kind):
    """Second source: the scene's graph, which no rule knows. One in twenty may be true."""
    shown = [sample("train", number) for number in range(256)]
    captions = [Caption(texts[0], texts) for texts in map(references, shown)]
    made = draw(captions, kinds_of(kind), 1, random.Random(0))
    pairs = [(scene, caption.text, text) for scene, caption, of in zip(shown, captions, made) for _, text in of]
    false = [truth(text, scene) < truth(caption, scene) for scene, caption, text in pairs]
    assert len(false) > 20 and sum(false) >= 0.95 * len(false)
