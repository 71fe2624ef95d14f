"""A card for a README: a few scenes and, under each, the captions of several captioners with their faults marked.

Lengths are pixels. The card has a background of its own, so that it reads on light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from captioner.comparison.exhibits import repeated_words
from metric.scenes.truth import belongs, false_words
from metric.scenes.world import Scene

WIDTH, MARGIN, LABELS, GAP = 1600, 36, 250, 28  # of the card, its border, the column of names, between columns
PICTURE, SIZE, SMALL, LEADING = 240, 25, 20, 38  # side of a scene, letters, small letters, from line to line
PAPER, EDGE, RULE, INK, GREY = "#ffffff", "#d0d7de", "#e6e9ed", "#1f2328", "#59636e"
# Okabe and Ito's colours stay apart for colour-blind eyes; a bar below and a line through stay apart without colours
REPEATED, REPEATED_BACK, FALSE = "#e69f00", "#fdf0cd", "#0072b2"
NO_SENTENCE = "ungrammatical"
Font = ImageFont.FreeTypeFont


class Word(NamedTuple):
    """A word of a caption and its faults."""

    text: str
    repeated: bool = False
    false: bool = False


class MarkedCaption(NamedTuple):
    """A caption with its faults. `remark` stands behind the caption."""

    words: Sequence[Word]
    remark: str = ""


class Line(NamedTuple):
    """A captioner: its name, a few facts below the name, its caption of each scene."""

    name: str
    facts: Sequence[str]
    captions: Sequence[MarkedCaption]


def marked(caption: str, scene: Scene) -> MarkedCaption:
    """A caption with the words that it repeats and the words that the scene shows to be false."""
    false = false_words(caption, scene)
    words = [Word(text, again, place in false) for place, (text, again) in enumerate(repeated_words(caption))]
    return MarkedCaption(words, "" if belongs(caption) else NO_SENTENCE)


def caption_card(title: str, pictures: Sequence[Image.Image], lines: Sequence[Line], note: str) -> Image.Image:
    """The card: a column a picture, a row a captioner, a legend, and a note at the bottom."""
    width = column_width(len(pictures))
    heights = [max(LEADING * max(rows(caption, width) for caption in line.captions), 96) + GAP for line in lines]
    bottom = 74 + 28 * len(note.splitlines()) + MARGIN // 2
    card = Image.new("RGB", (WIDTH, MARGIN + PICTURE + GAP + sum(heights) + bottom), PAPER)
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, card.width - 1, card.height - 1), outline=EDGE, width=2)
    pen.multiline_text((MARGIN, MARGIN), title, INK, font("bold", SIZE), spacing=10)
    for number, picture in enumerate(pictures):
        framed(card, picture, left_of(number, width), MARGIN)
    top = MARGIN + PICTURE + GAP
    for line, height in zip(lines, heights):
        pen.line((MARGIN, top, WIDTH - MARGIN, top), fill=RULE, width=2)
        draw_line(pen, line, top + GAP // 2, width)
        top += height
    pen.line((MARGIN, top, WIDTH - MARGIN, top), fill=RULE, width=2)
    draw_legend(pen, top + 20)
    pen.multiline_text((MARGIN, top + 70), note, GREY, font("regular", SMALL), spacing=6)
    return card


def column_width(count: int) -> int:
    return (WIDTH - 2 * MARGIN - LABELS - GAP * (count - 1)) // count


def left_of(number: int, width: int) -> int:
    """The left end of a column, in pixels."""
    return MARGIN + LABELS + number * (width + GAP)


def framed(card: Image.Image, picture: Image.Image, left: int, top: int) -> None:
    """A picture with a thin frame, at the left end of its column."""
    card.paste(picture.convert("RGB").resize((PICTURE, PICTURE), Image.Resampling.LANCZOS), (left, top))
    ImageDraw.Draw(card).rectangle((left, top, left + PICTURE - 1, top + PICTURE - 1), outline=EDGE, width=2)


def draw_line(pen: ImageDraw.ImageDraw, line: Line, top: int, width: int) -> None:
    """A row of the card: the name and its facts, then the captions."""
    pen.text((MARGIN, top), line.name, INK, font("bold", SIZE))
    for number, fact in enumerate(line.facts):
        pen.text((MARGIN, top + LEADING + 28 * number), fact, GREY, font("regular", SMALL))
    for number, caption in enumerate(line.captions):
        draw_caption(pen, caption, left_of(number, width), top, width)


def draw_caption(pen: ImageDraw.ImageDraw, caption: MarkedCaption, left: int, top: int, width: int) -> None:
    for word, x, row in placed(caption, width):
        draw_word(pen, word, left + x, top + row * LEADING)
    if caption.remark:
        pen.text((left, top + (rows(caption, width) - 1) * LEADING + 3), caption.remark, GREY, font("italic", SMALL))


def draw_word(pen: ImageDraw.ImageDraw, word: Word, x: int, y: int) -> None:
    """A repeated word stands on an orange bar, a false word is blue with a line through it."""
    letters = font("bold" if word.false else "regular", SIZE)
    end = x + round(letters.getlength(word.text))
    if word.repeated:
        pen.rectangle((x - 4, y, end + 4, y + 33), fill=REPEATED_BACK)
        pen.rectangle((x - 4, y + 30, end + 4, y + 33), fill=REPEATED)
    pen.text((x, y), word.text, FALSE if word.false else INK, letters)
    if word.false:
        pen.line((x - 2, y + 17, end + 2, y + 17), fill=FALSE, width=2)


def draw_legend(pen: ImageDraw.ImageDraw, top: int) -> None:
    """One example of each mark, and its meaning."""
    x = MARGIN
    for word, meaning in (
        (Word("word", repeated=True), "said before in this caption"),
        (Word("word", false=True), "not true of the scene"),
    ):
        draw_word(pen, word, x, top)
        x += round(font("bold", SIZE).getlength(word.text)) + 14
        pen.text((x, top + 4), meaning, INK, font("regular", SMALL))
        x += round(font("regular", SMALL).getlength(meaning)) + 48
    pen.text((x, top + 4), NO_SENTENCE, GREY, font("italic", SMALL))
    x += round(font("italic", SMALL).getlength(NO_SENTENCE)) + 14
    pen.text((x, top + 4), "not a sentence of the scenes' grammar", INK, font("regular", SMALL))


def rows(caption: MarkedCaption, width: int) -> int:
    """Lines of text that a caption takes, its remark included."""
    return 1 + max((row for _, _, row in placed(caption, width)), default=0) + bool(caption.remark)


def placed(caption: MarkedCaption, width: int) -> Iterator[tuple[Word, int, int]]:
    """Each word with its place from the left in pixels, and its row. A row has as many words as fit."""
    space = round(font("regular", SIZE).getlength(" "))
    x = row = 0
    for word in caption.words:
        long = round(font("bold" if word.false else "regular", SIZE).getlength(word.text))
        if x and x + long > width:
            x, row = 0, row + 1
        yield word, x, row
        x += long + space


@cache
def font(style: str, size: int) -> Font:
    """DejaVu Sans, which comes with matplotlib."""
    name = {"regular": "DejaVuSans", "bold": "DejaVuSans-Bold", "italic": "DejaVuSans-Oblique"}[style]
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/{name}.ttf", size)
