"""Closed classes of English words, and what a caption is made of: words, phrases, relations.

The classes hold no word of a data set. In another language no word belongs to a class, and the rules that need one do
not apply. These lists are the trainer's own: those of the audit (metric.judgement.vocabulary) are others.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

ARTICLES = frozenset({"a", "an", "the"})
PREPOSITIONS = frozenset(
    "above across after against along among around at before behind below beneath beside between beyond by close down "
    "from in inside into near next off on onto opposite out outside over past through to toward towards under "
    "underneath up upon with within without".split()
)
PLACES = frozenset("left right top bottom front back side middle center centre edge end".split())  # `to the left of`
OPPOSED = {  # word of a place -> its axis, and which end of the axis it is
    **{"left": ("across", "left"), "right": ("across", "right")},
    **dict.fromkeys(("middle", "center", "centre"), ("across", "middle")),
    **{"top": ("up", "top"), "bottom": ("up", "bottom"), "front": ("away", "front"), "back": ("away", "back")},
}
SYMMETRIC = frozenset({"beside", "next to", "near", "close to", "with", "by", "opposite", "between", "among"})
VERBS = frozenset("is are was were be been being am has have had do does did can will would may".split())
OTHERS = frozenset(
    "of and or but nor so while as that this these those there which who it its he him his she her they them their we "
    "our you your i my some any each other both all no not".split()
)
FUNCTION = ARTICLES | PREPOSITIONS | VERBS | OTHERS
NUMBERS = tuple("one two three four five six seven eight nine ten eleven twelve".split())
LETTERS = {str(value): word for value, word in enumerate(NUMBERS, 1)}
VOWELS = tuple("aeiou")

Words = Sequence[str]


class Span(NamedTuple):
    """The words `start` to `end` of a caption, the last one not included."""

    start: int
    end: int


def split(text: str) -> list[str]:
    """The words of a caption in lower case, without its final stop."""
    return text.lower().rstrip(" .!?").split()


def plainly(text: str) -> str:
    """The caption as it is compared with others: lower case, one space between words, no final stop."""
    return " ".join(split(text))


def dressed(words: Words, caption: str) -> str:
    """The words as a text with the capital letter and the final stop of `caption`, if it has them.

    No comma stays before the stop, where a caption has none.
    """
    text, stop = " ".join(words), caption[len(caption.rstrip(" .!?")) :].rstrip()
    text = text.rstrip(" ,;:") + stop if stop else text
    return text[:1].upper() + text[1:] if caption[:1].isupper() else text


def is_sign(char: str) -> bool:
    """Whether a character belongs to no word. A mark that combines with a letter, as in Hindi, belongs to its word."""
    return not (char.isalnum() or unicodedata.category(char).startswith("M"))


@lru_cache(2**16)
def parted(word: str) -> tuple[str, str, str]:
    """The signs before a word, the word, and the signs behind it. A word of signs alone stands before nothing."""
    places = [place for place, char in enumerate(word) if not is_sign(char)]
    if not places:
        return word, "", ""
    return word[: places[0]], word[places[0] : places[-1] + 1], word[places[-1] + 1 :]


def bare(word: str) -> str:
    """The word without the signs around it."""
    return parted(word)[1]


def in_place(own: Words, other: Words) -> list[str]:
    """The words `other` with the signs that stand around `own`: `cat` in the place of `dog,` -> `cat,`."""
    words = list(other)
    words[0] = parted(own[0])[0] + words[0][len(parted(words[0])[0]) :]
    words[-1] = words[-1].removesuffix(parted(words[-1])[2]) + parted(own[-1])[2]
    return words


def in_letters(word: str) -> str:
    """The word without the signs around it. A number up to twelve is in letters."""
    return LETTERS.get(bare(word).lstrip("0"), bare(word))


def article_of(word: str) -> str:
    """The form of the article before a word."""
    return "an" if word.startswith(VOWELS) else "a"


def reading(text: str) -> tuple[str, ...]:
    """The words of a text without signs. Texts of one reading say the same: `2 dogs, one cat` and `two dogs a cat`."""
    words = list(map(in_letters, "".join(" " if is_sign(char) else char for char in text.lower()).split()))
    return tuple(article_of(after) if word == "one" else word for word, after in zip(words, [*words[1:], ""]))


def is_content(word: str) -> bool:
    return bool(bare(word)) and bare(word) not in FUNCTION


def is_number(word: str) -> bool:
    return bare(word) in NUMBERS or bare(word).isdigit()


def in_phrase(word: str) -> bool:
    """Whether the word belongs to the phrase of a thing: its article, its number, what it is called."""
    return bare(word) in ARTICLES or is_content(word)


def relations(words: Words) -> list[Span]:
    """The prepositions of a caption, with the words between that belong to them: `on`, `next to`, `to the left of`."""
    found, place = [], 0
    while place < len(words):
        end = relation_end(words, place)
        found += [Span(place, end)] if end > place else []
        place = max(end, place + 1)
    return found


def relation_end(words: Words, start: int) -> int:
    """The end of the relation that begins at `start`; `start` itself where none begins."""
    if words[start] not in PREPOSITIONS:
        return start
    end = start + 1
    while end < len(words):
        if words[end] in PREPOSITIONS | PLACES | {"of"}:
            end += 1
        elif words[end] == "the" and end + 1 < len(words) and words[end + 1] in PLACES:
            end += 2
        else:
            break
    return end


def contents(words: Words) -> list[int]:
    """The places of the words that name something, without numbers and without the words of relations."""
    taken = {place for span in relations(words) for place in range(*span)}
    return [n for n, word in enumerate(words) if is_content(word) and not is_number(word) and n not in taken]


def phrase(words: Words, span: Span) -> str:
    """The words of a span without the signs around them."""
    return " ".join(map(bare, words[slice(*span)]))


def around(words: Words, span: Span) -> tuple[Span, Span, Span] | None:
    """The phrase before a relation, the relation, the phrase behind; None without a phrase that names on each side.

    A verb between the first phrase and the relation belongs to neither. A comma ends a phrase.
    """
    end, last = span.start - (span.start > 0 and words[span.start - 1] in VERBS), span.end
    start = end
    while start > 0 and in_phrase(words[start - 1]) and (start == end or not parted(words[start - 1])[2]):
        start -= 1
    while last < len(words) and in_phrase(words[last]) and (last == span.end or not parted(words[last - 1])[2]):
        last += 1
    if not (any(map(is_content, words[start:end])) and any(map(is_content, words[span.end : last]))):
        return None
    return Span(start, end), span, Span(span.end, last)


def sides_of(words: Words) -> list[tuple[Span, Span, Span]]:
    """`around` of each relation that has a phrase on each side."""
    return list(filter(None, (around(words, span) for span in relations(words))))


def places_of(words: Words) -> list[Span]:
    """The relations that say where in the picture something is, with nothing behind them: `on the left`."""
    return [span for span in relations(words) if bare(words[span.end - 1]) in OPPOSED and not named_behind(words, span)]


def opposed(place: str, other: str) -> bool:
    """Whether two places of the picture exclude each other: `on the left` and `in the middle`, not `at the top`."""
    (axis, end), (other_axis, other_end) = (OPPOSED[bare(text.split()[-1])] for text in (place, other))
    return axis == other_axis and end != other_end


def named_behind(words: Words, span: Span) -> bool:
    return span.end < len(words) and in_phrase(words[span.end])


def counted(words: Words, place: int) -> str:
    """The last word of the phrase that the number or article at a place begins, mostly its thing; empty without one.

    The word has no signs around it.
    """
    end = place + 1
    while end < len(words) and is_content(words[end]) and not is_number(words[end]):
        end += 1
    return bare(words[end - 1]) if end > place + 1 else ""
