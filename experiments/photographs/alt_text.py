"""Alt-text as pages of the web have it, made from a caption by rule.

An alt-text is a list of key words, a phrase, or the name of a file. Words are missing or wrong, their order is any,
singular and plural are confused, and words of the page stand around them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from metric.negatives.words import bare, is_content, split

CAMERAS = ("IMG_{:04d}.JPG", "DSC{:05d}.jpg", "DSCN{:04d}.JPG", "P10{:05d}.jpg", "photo-{}.jpg", "untitled-{}.png")
PAGE = (
    "stock photo",
    "stock image",
    "royalty free image",
    "free download",
    "hd wallpaper",
    "photo gallery",
    "photography",
    "picture of the day",
    "high resolution",
    "buy print",
    "click to enlarge",
    "view full size",
    "thumbnail",
    "image {}",
    "page {}",
    "album {}",
    "flickr",
    "blog",
    "our holiday {}",
    "weekend",
    "posted by admin",
    "previous next",
    "best price",
    "for sale",
    "vector",
)
SEPARATORS = (" ", " ", " ", ", ", " | ", " - ")

# Shares of the forms of an alt-text; the others are lists of key words.
CAMERA_NAME, FILE_NAME, PHRASE = 0.04, 0.10, 0.20
# Chances: of a key word to be missing, to be in the wrong number, to stand twice; of a list to have a wrong word; of
# words of the page around it.
MISSING, CONFUSED, TWICE, WRONG, NOISE = 0.25, 0.25, 0.15, 0.15, 0.40


def alt_text(caption: str, others: Sequence[str], rng: random.Random) -> str:
    """One alt-text of a picture with this caption. A wrong word comes from `others`, captions of other pictures."""
    form = rng.random()
    if form < CAMERA_NAME:
        return rng.choice(CAMERAS).format(rng.randrange(1, 10_000))
    if form < CAMERA_NAME + FILE_NAME:
        return "-".join([*listed(caption, others, rng)[:4], str(rng.randrange(1, 100))]) + ".jpg"
    words = phrase(caption, rng) if form < CAMERA_NAME + FILE_NAME + PHRASE else listed(caption, others, rng)
    separator = rng.choice(SEPARATORS) if form >= CAMERA_NAME + FILE_NAME + PHRASE else " "
    return with_page(separator.join(words), rng)


def listed(caption: str, others: Sequence[str], rng: random.Random) -> list[str]:
    """The key words of a caption in any order, with the faults of a list. At least one word is left."""
    words = key_words(caption) or split(caption)
    kept = [word for word in words if rng.random() >= MISSING] or [rng.choice(words)]
    if rng.random() < WRONG:
        strange = [word for other in others for word in key_words(other)]
        kept[rng.randrange(len(kept))] = rng.choice(strange or kept)
    said = [other_number(word) if rng.random() < CONFUSED else word for word in kept]
    said += [word for word in said if rng.random() < TWICE]
    return rng.sample(said, len(said))


def key_words(caption: str) -> list[str]:
    """The words that name something, in their order, without signs."""
    return [bare(word) for word in split(caption) if is_content(word)]


def other_number(word: str) -> str:
    """The plural of a singular and the singular of a plural, as a careless hand writes them."""
    if word.endswith("ss"):
        return word + "es"
    return word[:-1] if word.endswith("s") else word + "s"


def phrase(caption: str, rng: random.Random) -> list[str]:
    """Two to six neighbouring words of a caption as they stand, all of them in a shorter caption."""
    words = [bare(word) for word in split(caption) if bare(word)]
    length = min(rng.randint(2, 6), len(words))
    start = rng.randint(0, len(words) - length)
    return words[start : start + length]


def with_page(text: str, rng: random.Random) -> str:
    """The text with words of its page before or behind, for a share of the texts."""
    if rng.random() >= NOISE:
        return text
    page = rng.choice(PAGE).format(rng.randrange(1, 100))
    parts = [text, page] if rng.random() < 0.6 else [page, text]
    return rng.choice(SEPARATORS).join(parts)
