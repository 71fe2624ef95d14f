"""Alt-text holds what a caption names, without the sentence, with the faults of web pages."""

from __future__ import annotations

import random

import pytest

from experiments.photographs import alt_text
from experiments.photographs.alt_text import CAMERAS, PAGE

CAPTION = "A brown dog is running through the snow with two black puppies ."
OTHERS = ("a child eats an orange",)


def drawn(n: int = 2000) -> list[str]:
    rng = random.Random(0)
    return [alt_text.alt_text(CAPTION, OTHERS, rng) for _ in range(n)]


def test_the_same_generator_gives_the_same_alt_text():
    assert drawn(50) == drawn(50)


def test_no_alt_text_is_empty_or_the_sentence():
    plain = CAPTION.lower().rstrip(" .")
    assert all(text.strip() and plain not in text for text in drawn())


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ("another order", lambda text: "snow" in text and "brown" in text and text.index("snow") < text.index("brown")),
        ("a wrong number", lambda text: "snows" in text or "puppie" in text.replace("puppies", "")),
        ("a missing word", lambda text: "dog" not in text),
        ("a wrong word", lambda text: any(word in text for word in ("child", "eat", "orange"))),
        ("words of the page", lambda text: any(page.split("{")[0] in text for page in PAGE)),
        ("the name of a camera's file", lambda text: text.startswith(tuple(name.split("{")[0] for name in CAMERAS))),
        ("a file's name of words", lambda text: text.endswith(".jpg") and "-" in text),
        ("a phrase as it stands", lambda text: "through the snow" in text),
    ],
)
def test_alt_text_has_each_fault_of_the_web_sometimes(fault, shown):
    assert 0.02 < sum(map(shown, drawn())) / 2000 < 0.9, fault


@pytest.mark.parametrize(("word", "other"), [("dog", "dogs"), ("dogs", "dog"), ("dress", "dresses"), ("two", "twos")])
def test_the_other_number_is_what_a_careless_hand_writes(word, other):
    assert alt_text.other_number(word) == other


@pytest.mark.parametrize("caption", ["dog", "The .", "a", "12"])
def test_a_short_caption_has_alt_text_too(caption):
    rng = random.Random(0)
    assert all(alt_text.alt_text(caption, (), rng).strip() for _ in range(200))


def test_key_words_name_something():
    assert alt_text.key_words(CAPTION) == ["brown", "dog", "running", "snow", "two", "black", "puppies"]
