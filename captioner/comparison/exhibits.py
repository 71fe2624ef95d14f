"""What the gallery of a comparison shows of each picture: its captions, and numbers to sort pictures by.

A row of the comparison shows the captions of its lowest seed.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from PIL import Image

from captioner.comparison.significance import Values, columns_of
from captioner.comparison.table import Column, Comparison

GallerySource = tuple[str, Image.Image, Sequence[str]]  # id, picture, references
PICTURE_SIZE = 192  # pixels of the longer side
# words that an ordinary sentence has more than once
FUNCTION_WORDS = frozenset("a an the of on in at to and with is are by from near next left right side it its".split())
Words = list[tuple[str, bool]]
"""The words of a caption, and whether each is a repetition."""


class Exhibit(NamedTuple):
    """A picture of the gallery."""

    id: str
    picture: str
    """a data URL"""
    references: Sequence[str]
    captions: list[Words]
    """one a row"""
    disagreement: float
    """0 for equal captions of all rows, 1 for captions that share no word"""
    scores: list[list[float]]
    """value of each row of `Gallery.columns`; [] without values"""


class Gallery(NamedTuple):
    """The pictures, and the scores that each picture has of every row, as columns of the comparison."""

    exhibits: list[Exhibit]
    columns: list[Column]


def gallery_of(comparison: Comparison, pictures: Sequence[GallerySource]) -> Gallery:
    """Raises ValueError for a picture without a caption."""
    measured = [columns_of(row.first, comparison.split) for row in comparison.rows]
    columns = [column for column in comparison.columns if column.better and all(column.name in has for has in measured)]
    return Gallery([exhibit(comparison, *shown, columns, measured) for shown in pictures], columns)


def exhibit(
    comparison: Comparison,
    name: str,
    picture: Image.Image,
    references: Sequence[str],
    columns: Sequence[Column],
    measured: Sequence[Mapping[str, Values]],
) -> Exhibit:
    """One picture of the gallery. Raises ValueError where a row has no caption of the picture."""
    for row in comparison.rows:
        if name not in row.first.captions:
            raise ValueError(
                f"{row.first.folder} has no caption of picture {name}; type `captioner evaluate {row.first.folder}`"
            )
    captions = [row.first.captions[name] for row in comparison.rows]
    scores = [[round(has[column.name][name], 4) for has in measured] for column in columns]
    words = [repeated_words(caption) for caption in captions]
    return Exhibit(name, embedded(picture), references, words, disagreement(captions), scores)


def disagreement(captions: Sequence[str]) -> float:
    """Mean Jaccard distance of the words of every two captions: 0 for the same words, 1 for no word in common."""
    words = [frozenset(caption.lower().split()) for caption in captions]
    distances = [1 - len(one & two) / len(one | two) if one | two else 0.0 for one, two in combinations(words, 2)]
    return round(fmean(distances), 4) if distances else 0.0


def embedded(picture: Image.Image) -> str:
    """The picture as a data URL of a JPEG, at most PICTURE_SIZE pixels wide and high."""
    small = picture.convert("RGB")
    small.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def repeated_words(caption: str) -> Words:
    """Returns the words, and whether a word is a repetition.

    A function word is a repetition only directly after itself. Any other word is one anywhere after its first use.
    """
    words = caption.split()
    plain = [word.lower().strip(".,;:!?") for word in words]
    return [
        (word, i > 0 and (same == plain[i - 1] or (same not in FUNCTION_WORDS and same in plain[:i])))
        for i, (word, same) in enumerate(zip(words, plain))
    ]
