"""The card of captions: every fault is marked, and everything is on the card."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor

from captioner.comparison.caption_card import (
    FALSE,
    NO_SENTENCE,
    REPEATED,
    WIDTH,
    Line,
    MarkedCaption,
    Word,
    caption_card,
    column_width,
    marked,
    placed,
    rows,
)
from metric.scenes.world import Scene, Thing

SCENE = Scene("snow", (Thing("cat", "red", "small", 1),), position="left", look=1)
PICTURE = Image.new("RGB", (48, 48), "#808080")


def faults(caption: MarkedCaption) -> list[tuple[str, str]]:
    return [
        (word.text, "r" * word.repeated + "f" * word.false) for word in caption.words if word.repeated or word.false
    ]


def test_repeated_and_false_words_are_marked():
    caption = marked("a blue cat in the snow of a blue cat", SCENE)
    assert faults(caption) == [("blue", "f"), ("blue", "rf"), ("cat", "r")] and caption.remark == NO_SENTENCE


def test_a_true_sentence_has_no_marks():
    assert marked("a red cat in the snow", SCENE) == MarkedCaption(
        [Word(text) for text in "a red cat in the snow".split()]
    )


def card(*captions: str) -> np.ndarray:
    lines = [Line("+ X", ["one fact"], [marked(caption, SCENE)] * 4) for caption in captions]
    return np.asarray(caption_card("title", [PICTURE] * 4, lines, "note"))


def has(card: np.ndarray, colour: str) -> int:
    """How many pixels above the legend have this colour."""
    return int((card[:-130] == ImageColor.getrgb(colour)).all(-1).sum())


def test_marks_have_colours_of_their_own():
    plain, repeats, lies = (card(text) for text in ("a red cat", "a red cat red cat", "a blue cat"))
    assert has(plain, REPEATED) == has(plain, FALSE) == 0
    assert has(repeats, REPEATED) and not has(repeats, FALSE)
    assert has(lies, FALSE) and not has(lies, REPEATED)


def test_a_longer_caption_takes_more_rows_and_a_higher_card():
    short, long = "a red cat", "a red cat " * 12
    assert card(long).shape[0] > card(short).shape[0] and card(long).shape[1] == WIDTH
    caption = marked(long, SCENE)
    assert rows(caption, column_width(4)) > rows(caption, column_width(1))


def test_words_stay_in_their_column():
    caption, width = marked("a red cat in the snow on the left " * 3, SCENE), column_width(4)
    (first, x, row), *others = placed(caption, width)
    assert (first.text, x, row) == ("a", 0, 0)
    assert all(0 <= x < width for _, x, _ in others) and [row for *_, row in others] == sorted(
        row for *_, row in others
    )
