"""Whether captions seem to be English, for the scores whose tools know English alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# scores whose tools are made for English: parser, stemmer and synonyms, grammar, rules of tokens, lists of words
ENGLISH = ("meteor", "spice", "incorrect", "bad_endings", "chair_i", "chair_s", "recall", "cider", "rouge_l", "bleu_4")
LITTLE = frozenset(
    "a an the of in on at with and is are to by for from near next over under while has his her its it there some "
    "two three up down through into behind as that their one man woman people".split()
)
WORDS = re.compile(r"[^\W\d_]+")
SHORT = 4  # captions of fewer words are not judged: "red ball" is English without a little word
MOST = 0.5  # share of the judged captions that may lack English's little words


def foreign(caption: str) -> bool | None:
    """Whether a caption seems to be in another language; None for one that is too short to tell."""
    words = WORDS.findall(caption.lower())
    letters = "".join(words)
    if letters and sum(not letter.isascii() for letter in letters) > len(letters) / 2:
        return True
    return None if len(words) < SHORT else LITTLE.isdisjoint(words)


def language_fact(captions: Sequence[str], names: Collection[str]) -> str:
    """The fact on captions that seem not to be English, when scores among `names` are made for English; else ""."""
    judged = [verdict for verdict in map(foreign, captions) if verdict is not None]
    tools = [name for name in ENGLISH if name in names]
    if not tools or not judged or sum(judged) <= MOST * len(judged):
        return ""
    return (
        f"{sum(judged)} of {len(captions)} captions seem not to be English, for which {', '.join(tools)} are made: "
        "words are what stands between spaces, so a Chinese or Japanese caption is one word; set spaces between its "
        "characters, as the field does"
    )
