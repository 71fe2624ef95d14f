"""What captions say and references never do: phrases of up to four words that recur in captions.

Axes: none; captions are texts by the ids of their pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from metric.negatives.words import split

LONGEST = 4  # words of a phrase; longer faults hold shorter ones
BEGIN, END = "<", ">"  # the ends of a caption, so that a broken ending is a phrase: `a >`
LEAST = 0.002  # share of the captions that a phrase must stand in, so that a rare word is no fault
FEWEST = 3  # captions, at least

Phrase = tuple[str, ...]


def foreign_phrases(captions: Iterable[str], references: Iterable[str], least: float = LEAST) -> dict[Phrase, int]:
    """Phrases that no reference has -> number of captions that have them, the most frequent first.

    A phrase stands in a share `least` of the captions or more, and in three or more. It holds no shorter such phrase.
    """
    texts = list(captions)
    known = {phrase for text in references for phrase in phrases(text)}
    counts = Counter(phrase for text in texts for phrase in set(phrases(text)) - known)
    few = max(FEWEST, least * len(texts))
    often = {phrase: count for phrase, count in counts.items() if count >= few}
    shortest = {phrase: count for phrase, count in often.items() if not any(map(often.__contains__, parts(phrase)))}
    return dict(sorted(shortest.items(), key=lambda item: (-item[1], item[0])))


def with_phrases(captions: Mapping[str, str], foreign: Iterable[Phrase]) -> dict[str, str]:
    """The captions that have one of the phrases."""
    sought = set(foreign)
    return {id: text for id, text in captions.items() if not sought.isdisjoint(phrases(text))}


def phrases(text: str) -> Iterator[Phrase]:
    """All runs of one to four words of a caption, where its two ends count as words."""
    words = [BEGIN, *split(text), END]
    for length in range(1, LONGEST + 1):
        for start in range(len(words) - length + 1):
            yield tuple(words[start : start + length])


def parts(phrase: Phrase) -> Iterator[Phrase]:
    """The shorter phrases of a phrase."""
    for length in range(1, len(phrase)):
        for start in range(len(phrase) - length + 1):
            yield phrase[start : start + length]


def told(phrase: Phrase) -> str:
    """The phrase as text. `|` is an end of the caption: `in the |`."""
    return " ".join("|" if word in (BEGIN, END) else word for word in phrase)
