"""The language of captions: whether they seem to be English, and the characters of Chinese and Japanese ones.

Chinese and Japanese have no spaces between words. The field counts their characters as words, or cuts captions into
words before they are scored. So a caption without spaces is counted by character, and one with spaces by its words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# scores whose tools are made for English: parser, stemmer and synonyms, grammar, lists of words
ENGLISH = ("meteor", "spice", "incorrect", "bad_endings", "chair_i", "chair_s")
COUNTED = ("cider", "rouge_l", "bleu_4", "rep_4")  # scores of words, and what stands for the others of their kind
LITTLE = frozenset(
    "a an the of in on at with and is are to by for from near next over under while has his her its it there some "
    "two three up down through into behind as that their one man woman people".split()
)
WORDS = re.compile(r"[^\W\d_]+")
SHORT = 4  # captions of fewer words are not judged: "red ball" is English without a little word
MOST = 0.5  # share of the judged captions that may lack English's little words

# Chinese and Japanese: Han, kana and their marks; and the signs between them, none of which is a word
SIGNS = "\u3000-\u3004\u3008-\u3030\u303d\u30a0\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
LETTER = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
CHARACTER = re.compile(f"[{LETTER}][\u3099\u309a]?")
SPACED = re.compile(f"[{LETTER}][ \t]+[{LETTER}]")
OPENING = re.compile(f"[{SIGNS}]")
NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Burmese, Khmer


def by_character(caption: str) -> str:
    """A Chinese or Japanese caption with spaces around each character and without signs such as 。; others unchanged.

    Such a caption has more than two of these characters for each other word, and no space between two of them.
    """
    if caption.isascii():
        return caption
    characters, others = len(CHARACTER.findall(caption)), len(WORDS.findall(CHARACTER.sub(" ", caption)))
    if characters <= 2 * others or SPACED.search(caption):
        return caption
    return CHARACTER.sub(r" \g<0> ", OPENING.sub(" ", caption))


def foreign(caption: str) -> bool | None:
    """Whether a caption seems to be in another language; None for one that is too short to tell."""
    words = WORDS.findall(caption.lower())
    letters = "".join(words)
    if letters and sum(not letter.isascii() for letter in letters) > len(letters) / 2:
        return True
    return None if len(words) < SHORT else LITTLE.isdisjoint(words)


def language_fact(captions: Sequence[str], names: Collection[str], english: Collection[str]) -> str:
    """The facts on captions that seem not to be English; "" where none matters.

    `names` are all scores. `english` are those that were not told the language of the captions.
    """
    judged = [verdict for verdict in map(foreign, captions) if verdict is not None]
    characters = sum(by_character(caption) != caption for caption in captions)
    unparted = sum(bool(NO_SPACES.search(caption)) for caption in captions)
    tools = [name for name in ENGLISH if name in english]
    counted = [name for name in COUNTED if name in names]
    found = []
    if tools and judged and sum(judged) > MOST * len(judged):
        found.append(f"{sum(judged)} of {len(captions)} seem not to be English, for which {', '.join(tools)} are made")
    if counted and characters:
        found.append(f"{characters} of {len(captions)} are counted by character, as Chinese or Japanese without spaces")
    if counted and unparted:
        found.append(
            f"{unparted} of {len(captions)} have no spaces between words, where {', '.join(counted)} expect them; "
            "set spaces between words"
        )
    return f"captions: {'; '.join(found)}" if found else ""
