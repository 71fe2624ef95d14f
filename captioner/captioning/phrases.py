"""Phrases that captioners begin with and that say nothing, such as "a photo of": removed from the head of a caption."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from metric.storage.paths import expanded
from metric.storage.text_lines import text_lines

BETWEEN = r"[\s,;:.\u2013\u2014-]*"  # what may stand between a phrase and the caption


def phrases_of(typed: Sequence[str]) -> tuple[str, ...]:
    """The phrases of `--drop-phrases`: each is a phrase, or a file with a phrase a line.

    Raises ValueError for a path without a file, and for a file or a phrase without a word.
    """
    phrases: list[str] = []
    for text in typed:
        path = Path(expanded(text))
        if path.is_file():
            lines = [line.strip() for line in text_lines(path.read_text(encoding="utf-8")) if line.strip()]
        elif "/" in text or path.suffix == ".txt":
            raise ValueError(f"--drop-phrases {text} is no file; give a file with a phrase a line, or a phrase")
        else:
            lines = [text.strip()] if text.strip() else []
        if not lines:
            raise ValueError(f"--drop-phrases {text!r} has no phrase; give a phrase such as 'a photo of'")
        phrases += lines
    return tuple(dict.fromkeys(phrases))


def without_head(caption: str, phrases: Sequence[str]) -> str:
    """The caption without phrases at its beginning, in any case, one after the other, the longest first.

    The rest begins with a capital where the caption did. A caption that is nothing but phrases stays as it is.
    """
    if not phrases:
        return caption
    rest = pattern(tuple(phrases)).sub("", caption)
    if not rest.strip() or rest == caption:
        return caption
    return type(caption)(rest[0].upper() + rest[1:] if caption.lstrip()[0].isupper() else rest)


@lru_cache(maxsize=8)
def pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """The beginning of a caption that consists of phrases."""
    longest_first = sorted(phrases, key=len, reverse=True)
    one = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"\A\s*(?:(?:{one})(?!\w){BETWEEN})+", re.IGNORECASE)
