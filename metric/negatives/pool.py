"""What the rules draw from: a caption with all that is said of its picture, and the words and phrases of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

from metric.negatives.words import (
    ARTICLES,
    FUNCTION,
    NUMBERS,
    Span,
    Words,
    bare,
    contents,
    counted,
    in_letters,
    is_number,
    phrase,
    places_of,
    plainly,
    reading,
    relations,
    sides_of,
    split,
)

SHORT = 3  # letters of a word that mostly has a function only, in any language
END = ""  # stands before the first word and behind the last one
Frame = tuple[str, str]  # the word before and the word behind


@dataclass(frozen=True)
class Caption:
    """A caption, the references of its picture, and what a pressed captioner was found to say of it."""

    text: str
    references: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    @cached_property
    def words(self) -> list[str]:
        return split(self.text)

    @cached_property
    def plain_references(self) -> frozenset[str]:
        return frozenset(map(plainly, (self.text, *self.references)))

    @cached_property
    def readings(self) -> frozenset[tuple[str, ...]]:
        """What the caption and the references say, whatever their signs. Such words are no negative."""
        return frozenset(map(reading, self.plain_references))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The words of the references, numbers in letters."""
        return frozenset(in_letters(word) for text in self.plain_references for word in text.split())

    @cached_property
    def said(self) -> str:
        """The references of the picture in one text, without signs, with spaces around each word and bars between."""
        bared = (" ".join(map(bare, text.split())) for text in sorted(self.plain_references))
        return " " + " | ".join(bared) + " "

    def says(self, phrase: str) -> bool:
        """Whether a reference has the phrase, or words that begin so: `dog` is said by `dogs`, `in` by `inside`."""
        return f" {phrase.removesuffix('s')}" in self.said


class Pool:
    """The words, frames and phrases of a batch of captions.

    Lists keep how often a word is said. Frequent words are drawn as often as they are said, so that no word alone tells
    a negative from a caption.
    """

    def __init__(self, captions: Sequence[Caption]) -> None:
        self.captions = captions
        self.texts = [caption.words for caption in captions]
        self.having: dict[Callable[[Words], bool], int] = {}

    @cached_property
    def words(self) -> list[str]:
        return [bare(word) for word in chain.from_iterable(self.texts) if bare(word)]

    @cached_property
    def short(self) -> list[str]:
        return [word for word in self.words if len(word) <= SHORT]

    @cached_property
    def function_words(self) -> list[str]:
        return [word for word in self.words if word in FUNCTION]

    @cached_property
    def small(self) -> dict[str, int]:
        """Function word or number in letters -> how often captions say it."""
        return dict(Counter(word for word in self.words if word in FUNCTION or word in NUMBERS))

    @cached_property
    def references(self) -> list[list[str]]:
        """All that is said of the pictures of the batch, in words without signs around them."""
        return [list(map(bare, text.split())) for caption in self.captions for text in sorted(caption.plain_references)]

    @cached_property
    def runs(self) -> set[tuple[str, ...]]:
        """Each two and three words that follow each other in a reference, with END before and behind it."""
        padded = [(END, *words, END) for words in self.references]
        return {words[n : n + size] for words in padded for size in (2, 3) for n in range(len(words) - size + 1)}

    @cached_property
    def counted(self) -> set[tuple[str, str]]:
        """Number in letters or article, and the last word of the phrase that it belongs to, in any reference."""
        return {
            (in_letters(word), counted(words, place))
            for words in self.references
            for place, word in enumerate(words)
            if word in ARTICLES or is_number(word)
        }

    @cached_property
    def numbers(self) -> list[str]:
        return [word for word in self.words if is_number(word)]

    @cached_property
    def beginnings(self) -> list[list[str]]:
        """Each relation with the short word behind it: `on the`, `next to a`."""
        return [
            words[start : end + (len(words[end]) <= SHORT)]
            for words in (list(map(bare, text)) for text in self.texts)
            for start, end in relations(words)
            if end < len(words)
        ]

    @cached_property
    def in_frame(self) -> dict[Frame, list[str]]:
        """Frame -> the words that name something in it."""
        found: dict[Frame, list[str]] = {}
        for words in self.texts:
            for place in contents(words):
                found.setdefault(frame(words, Span(place, place + 1)), []).append(bare(words[place]))
        return found

    @cached_property
    def frames(self) -> dict[str, set[Frame]]:
        """Word -> its frames."""
        found: dict[str, set[Frame]] = {}
        for known, words in self.in_frame.items():
            for word in words:
                found.setdefault(word, set()).add(known)
        return found

    @cached_property
    def related(self) -> list[tuple[str, str, str]]:
        """Each relation: the last word of the phrase before it, its words, the last word of the phrase behind it."""
        return [
            (bare(words[left.end - 1]), phrase(words, between), bare(words[right.end - 1]))
            for words in self.texts
            for left, between, right in sides_of(words)
        ]

    @cached_property
    def relations(self) -> dict[str, list[str]]:
        """Last word of the phrase behind -> relations."""
        found: dict[str, list[str]] = {}
        for _, relation, right in self.related:
            found.setdefault(right, []).append(relation)
        return found

    @cached_property
    def places(self) -> list[str]:
        return [phrase(words, span) for words in self.texts for span in places_of(words)]

    @cached_property
    def agreeing(self) -> frozenset[tuple[str, str]]:
        return frozenset(chain.from_iterable(map(agreements, self.captions)))

    def says(self, words: Words, start: int, end: int) -> bool:
        """Whether a reference of the batch has the two or three words from `start`, which is -1 for END."""
        return tuple(bare(words[place]) if 0 <= place < len(words) else END for place in range(start, end)) in self.runs

    def odds(self, has: Callable[[Words], bool]) -> float:
        """Captions with a property over captions without it, at most 1; 1 where all have it."""
        if has not in self.having:
            self.having[has] = sum(map(has, self.texts))
        return min(1.0, self.having[has] / max(len(self.texts) - self.having[has], 1))

    def agree(self, one: str, other: str) -> bool:
        """Whether two phrases were said of one picture in one frame: `puppy` and `dog`, `red` and `large`."""
        return (one, other) in self.agreeing

    def alike(self, one: str, other: str) -> bool:
        """Whether the batch has both words in one frame: `red` and `blue`, but not `red` and `snowy`."""
        return bool(self.frames.get(one, set()) & self.frames.get(other, set()))

    def turns(self, left: str, right: str) -> bool:
        """Whether the batch has the two last words of phrases on the other side of a relation too."""
        return right in self.before and left in self.relations

    @cached_property
    def before(self) -> set[str]:
        return {left for left, _, _ in self.related}


def frame(words: Words, span: Span) -> Frame:
    """The word before, with the one before an article, and the word behind: `in the [city]` -> `("in the", END)`.

    The words have no signs around them.
    """
    start = max(0, span.start - 1 - (span.start > 1 and words[span.start - 1] in ARTICLES))
    before = " ".join("a" if word == "an" else bare(word) for word in words[start : span.start])
    return before or END, bare((*words, END)[span.end])


def agreements(caption: Caption) -> Iterator[tuple[str, str]]:
    """Pairs of words, or of relations, that two references of one picture have in the same frame."""
    by_frame: dict[Frame, dict[str, None]] = {}
    for text in caption.references:
        words = split(text)
        spans = [*relations(words), *(Span(place, place + 1) for place in contents(words))]
        for span in spans:
            by_frame.setdefault(frame(words, span), {})[phrase(words, span)] = None
    for phrases in by_frame.values():
        for one in phrases:
            yield from ((one, other) for other in phrases if other != one)


def neighbours(words: Words) -> list[int]:
    """The places of words whose next word is another one."""
    return [place for place, (one, other) in enumerate(pairwise(words)) if one != other]
