from __future__ import annotations

import random
from collections import Counter

import pytest

from metric.negatives import form
from metric.negatives.drawing import KINDS
from metric.negatives.pool import Caption, Pool

CAPTION = Caption("a red ball on an old box in the park")
WORDS = CAPTION.text.split()
POOL = Pool([CAPTION, Caption("two dogs run behind the shed")])


def made(rule, caption: Caption = CAPTION) -> list[list[str]]:
    """What a rule makes of a caption with a hundred generators."""
    return [words for seed in range(100) if (words := rule(caption, POOL, random.Random(seed)))]


def is_part(some: list[str], of: list[str]) -> bool:
    """Whether `some` are words of `of` in their order."""
    rest = iter(of)
    return all(word in rest for word in some)


def test_words_are_repeated_beside_themselves():
    for words in made(form.repeat_word):
        ((word, more),) = (Counter(words) - Counter(WORDS)).items()
        assert more in (1, 2) and " ".join([word] * (more + 1)) in " ".join(words)
    for words in made(form.repeat_phrase):
        more = len(words) - len(WORDS)
        assert 2 <= more <= 4
        assert any(words[at : at + more] == words[at + more : at + 2 * more] for at in range(len(WORDS)))


def test_words_are_dropped_and_cut():
    assert {len(WORDS) - len(words) for words in made(form.drop)} == {1, 2, 3}
    assert all(is_part(words, WORDS) for words in made(form.drop))
    assert {len(words) for words in made(form.cut)} == set(range(5, len(WORDS)))
    assert all(words == WORDS[: len(words)] for words in made(form.cut))
    assert set(map(" ".join, made(form.no_articles))) == {"red ball on old box in park"}
    assert set(map(" ".join, made(form.long_words))) == {"ball park"}


def test_words_are_inserted_and_replaced_by_words_of_the_batch():
    for words in made(form.insert):
        assert len(words) == len(WORDS) + 1 and is_part(WORDS, words) and set(words) <= set(POOL.words)
    for words in made(form.replace):
        assert len(words) == len(WORDS) and sum(map(str.__ne__, words, WORDS)) <= 1
    for words in made(form.short_word):
        assert sum(map(str.__ne__, words, WORDS)) <= 1 and len(words) == len(WORDS)
        assert all(len(new) <= 3 for new, old in zip(words, WORDS) if new != old)


def test_order_is_lost():
    for words in made(form.swap):
        assert sum(map(str.__ne__, words, WORDS)) == 2 and Counter(words) == Counter(WORDS)
    assert all(Counter(words) == Counter(WORDS) for words in made(form.shuffle))


def test_inflection_and_article_are_wrong():
    assert {"a red balls on an old box in the park"} <= set(map(" ".join, made(form.inflect)))
    assert "two dog run behind the shed" in map(" ".join, made(form.inflect, Caption("two dogs run behind the shed")))
    assert set(map(" ".join, made(form.article))) == {"a red ball on a old box in the park"}
    assert "an dog" in map(" ".join, made(form.article, Caption("a dog")))


def test_no_article_and_no_ending_tells_a_negative_from_a_caption():
    texts = ["a red ball"] * 16 + ["an old box"] * 4 + ["two dogs run"] * 5
    captions = [Caption(text) for text in texts]
    pool, rng = Pool(captions), random.Random(0)
    articles = [words for caption in captions * 40 if (words := form.article(caption, pool, rng))]
    assert 0.7 < sum("an" in words for words in articles) / sum("an" not in words for words in articles) < 1.4
    endings = [words for caption in captions * 40 if (words := form.inflect(caption, pool, rng))]
    more = sum(any(word.endswith("s") for word in words) for words in endings)
    assert 0.7 < more / (len(endings) - more) < 1.4


def signs(words: list[str]) -> list[str]:
    """What each word has besides letters."""
    return ["".join(char for char in word if not char.isalpha()) for word in words]


@pytest.mark.parametrize("rule", [form.replace, form.short_word, form.inflect, form.article])
def test_a_word_in_the_place_of_another_keeps_the_signs_around_it(rule):
    caption = Caption('a cat, two "dogs", an old (red) box - in a park; wet')
    found = made(rule, caption)
    assert found
    assert all(signs(words) == signs(caption.words) for words in found)


def test_an_inflected_word_keeps_its_comma():
    assert made(form.inflect, Caption("two dogs, a cat"))[0] == ["two", "dog,", "a", "cat"]
    assert ["a", "dogs,", "a", "cat"] in made(form.inflect, Caption("a dog, a cat"))


def test_ending_is_the_beginning_of_a_phrase_of_the_batch():
    ends = {" ".join(words[len(WORDS) :]) for words in made(form.ending)}
    assert ends == {"on an", "in the", "behind the"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["- -", "a a", "Eine Katze schläft", "一只 猫", "x, y; z.", "the of"])
def test_no_rule_fails_on_strange_words(kind, text):
    caption = Caption(text, ("", "?", text))
    for seed in range(20):
        words = KINDS[kind].rule(caption, Pool([caption]), random.Random(seed))
        assert words is None or all(isinstance(word, str) for word in words)
