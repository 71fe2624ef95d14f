from __future__ import annotations

import random
from collections import Counter

import pytest

from metric.negatives import small_words
from metric.negatives.pool import END, Caption, Pool
from metric.negatives.words import FUNCTION, counted
from metric.scenes.language import references
from metric.scenes.truth import belongs
from metric.scenes.world import sample

TEXTS = ("a red kite on the left", "two cups are in the snow", "an old dog in the middle", "a cup is on the snow")
CAPTIONS = [Caption(text, (text,)) for text in TEXTS]
POOL = Pool(CAPTIONS)
SCENES = [Caption(texts[0], texts) for texts in (references(sample("train", number)) for number in range(120))]


def made(rule, caption: Caption, pool: Pool = POOL) -> set[str]:
    found = (rule(caption, pool, random.Random(seed)) for seed in range(2000))
    return {" ".join(words) for words in found if words}


def test_a_preposition_stands_where_no_caption_has_it():
    texts = made(small_words.misuse, CAPTIONS[0])
    assert "a red kite in the left" in texts
    assert "two cups are on the snow" not in made(small_words.misuse, CAPTIONS[1])


def test_verbs_numbers_and_articles_stop_agreeing():
    texts = made(small_words.misuse, CAPTIONS[1])
    assert {"two cups is in the snow", "a cups are in the snow"} <= texts
    assert "two cups are on the snow" not in texts  # "a cup is on the snow" is said
    assert "a old dog in the middle" in made(small_words.misuse, CAPTIONS[2])
    assert "an cup is on the snow" in made(small_words.misuse, CAPTIONS[3])


def test_the_takes_no_place_of_another_article():
    for caption in CAPTIONS:
        for text in made(small_words.misuse, caption):
            ((old, new),) = [pair for pair in zip(caption.words, text.split()) if pair[0] != pair[1]]
            assert not {old, new} <= {"a", "an", "the"} or "the" not in (old, new)


def pairs(text: str) -> set[str]:
    """Each word with the next one, and the beginning and the end."""
    words = [END, *text.split(), END]
    return {f"{one} {other}" for one, other in zip(words, words[1:])}


def test_a_function_word_is_missing_or_too_many_where_no_caption_has_it_so():
    said = set().union(*map(pairs, TEXTS))
    for caption in CAPTIONS:
        for text in made(small_words.omit, caption):
            ((word, lost),) = (Counter(caption.words) - Counter(text.split())).items()
            assert word in FUNCTION and lost == 1 and pairs(text) - said
        for text in made(small_words.intrude, caption):
            ((word, more),) = (Counter(text.split()) - Counter(caption.words)).items()
            assert word in FUNCTION and more == 1 and pairs(text) - said
    assert "two cups are in snow" in made(small_words.omit, CAPTIONS[1])


def test_what_the_batch_says_is_neither_omitted_nor_intruded():
    captions = [Caption(text, (text,)) for text in ("dogs in snow", "dogs in the snow", "the snow in")]
    pool = Pool(captions)
    assert "dogs in snow" not in made(small_words.omit, captions[1], pool)
    assert "dogs in the snow" not in made(small_words.intrude, captions[0], pool)


def test_signs_digits_and_one_for_a_make_no_fault():
    captions = [
        Caption(text, (text,)) for text in ("kids at the beach, happy", "one cat on the beach", "2 dogs at a lake")
    ]
    pool = Pool(captions)
    assert "kids on the beach, happy" not in made(small_words.misuse, captions[0], pool)
    assert not {text for text in made(small_words.misuse, captions[1], pool) if text.startswith("a ")}
    assert "2" not in pool.small and "one" in pool.small


def test_a_number_that_the_batch_counts_in_digits_is_no_misuse():
    captions = [Caption(text, (text,)) for text in ("2 dogs", "three dogs, wet", "two wet", "the cats")]
    assert "two dogs" not in made(small_words.misuse, Caption("three dogs"), Pool(captions))
    assert "two dogs" in made(small_words.misuse, Caption("three dogs"), Pool(captions[1:]))


@pytest.mark.parametrize("rule", [small_words.misuse, small_words.omit, small_words.intrude])
def test_what_is_made_of_scenes_is_almost_never_a_sentence_of_their_grammar(rule):
    pool, rng = Pool(SCENES), random.Random(0)
    texts = [" ".join(words) for caption in SCENES * 8 if (words := rule(caption, pool, rng))]
    assert len(texts) > 300
    assert sum(map(belongs, texts)) / len(texts) < (0.04 if rule is small_words.misuse else 0.01)


def test_no_word_alone_tells_a_misuse_from_a_caption():
    pool, rng = Pool(SCENES), random.Random(0)
    gained: Counter[str] = Counter()
    for caption in SCENES * 100:
        if words := small_words.misuse(caption, pool, rng):
            gained.update(words)
            gained.subtract(caption.words)
    changes = sum(count for count in gained.values() if count > 0)
    assert changes / sum(map(len, (caption.words for caption in SCENES * 100))) < 0.01
    assert all(abs(count) < 0.02 * 100 * len(SCENES) for count in gained.values())


def test_without_a_function_word_nothing_is_made():
    captions = [Caption("rote Katze"), Caption("zwei alte Hunde")]
    pool = Pool(captions)
    for rule in (small_words.misuse, small_words.omit, small_words.intrude):
        assert made(rule, captions[0], pool) == set()


def test_a_number_counts_the_last_word_of_its_phrase():
    words = "two big red cups on the left".split()
    assert counted(words, 0) == "cups" and counted(words, 4) == "" and counted(words, 5) == "left"
    assert ("two", "cups") in POOL.counted and ("a", "cups") not in POOL.counted


def test_runs_know_the_beginning_and_the_end():
    assert POOL.says("a red kite".split(), -1, 1) and POOL.says("on the left".split(), 1, 4)
    assert not POOL.says("red kite".split(), -1, 1)
    assert (END, "a") in POOL.runs and ("left", END) in POOL.runs
