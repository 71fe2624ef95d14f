"""Corruptions: captions made worse, by rule and by seed, in ways that a reward might not notice.

Lexical rules for any English caption. The graph of a scene decides whether a changed caption is false. For other
pictures, a swapped or added word is one that no reference has.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from metric.example import Example
from metric.judgement.small_faults import broken_agreement, wrong_function_word
from metric.judgement.vocabulary import PEOPLE, PERSON, PHOTO_NOUNS, bare, ended, is_content, nouns_of
from metric.scenes.language import keywords
from metric.scenes.truth import truth
from metric.scenes.words import SIZE_WORDS, article
from metric.scenes.world import COLOURS, Scene

Corruption = Callable[[str, Example, random.Random], str | None]
Table = Mapping[str, Sequence[str]]

LENGTH = 24  # words that padding fills up to
PADDING = "that can be seen here in this picture as it is shown".split()
PRAISE = "best quality,award winning,amazing detail,stunning view,truly beautiful,must see,high resolution".split(",")
DIGITS = {"2": "two", "3": "three", "4": "four", "5": "five"}
ENDINGS = ("with a", "in the", "and a", "of the", "on a")


def swaps(groups: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Word -> the other words of its groups."""
    table: dict[str, list[str]] = {}
    for group in groups:
        for word in group:
            table.setdefault(word, []).extend(other for other in group if other != word)
    return table


def nouns(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Singulars for singulars, plurals for plurals. A word that is both counts as a singular."""
    return swaps([[many for _, many in pairs]]) | swaps([[one for one, _ in pairs]])


ATTRIBUTES = swaps(
    [
        [*COLOURS, "brown", "pink", "grey"],
        ["small", "large"],
        ["little", "big"],
        ["tiny", "huge"],
        ["young", "old"],
        ["two", "three", "four", "five"],
        ["tall", "short"],
        ["open", "closed"],
        ["wet", "dry"],
    ]
)
assert {word for words in SIZE_WORDS.values() for word in words} <= ATTRIBUTES.keys()
RELATIONS = swaps(
    [
        ["left", "right"],
        ["above", "below"],
        ["over", "under"],
        ["next to", "above"],
        ["beside", "below"],
        ["in front of", "behind"],
        ["inside", "outside"],
        ["on top of", "underneath"],
        ["into", "out of"],
        ["up", "down"],
        ["with", "without"],
        ["on", "under"],
        ["in", "outside"],
        ["near", "far from"],
    ]
)


def repeated_word(caption: str, example: Example, rng: random.Random) -> str | None:
    """One content word three times in a row."""
    words = caption.split()
    places = [place for place, word in enumerate(words) if is_content(word)]
    if not places:
        return None
    place = rng.choice(places)
    return " ".join([*words[:place], *[words[place]] * 3, *words[place + 1 :]])


def repeated_phrase(caption: str, example: Example, rng: random.Random) -> str | None:
    """The last three words three times."""
    words = ended(caption).split()
    return " ".join([*words, *words[-3:] * 2]) if len(words) > 3 else None


def keyword_list(caption: str, example: Example, rng: random.Random) -> str | None:
    """Content words alone, in any order. For a scene, all words that are true of it."""
    if isinstance(example.image, Scene):
        return keywords(example.image)
    words = [word for word in bare(caption) if is_content(word)]
    return changed(" ".join(rng.sample(words, len(words))), caption) if len(words) > 1 else None


def no_function_words(caption: str, example: Example, rng: random.Random) -> str | None:
    return changed(" ".join(word for word in caption.split() if is_content(word)), caption)


def shuffled(caption: str, example: Example, rng: random.Random) -> str | None:
    words = bare(caption)
    for _ in range(10):  # by chance alone a long caption never comes out as it was
        mixed = rng.sample(words, len(words))
        if mixed != words:
            return " ".join(mixed)
    return None


def broken_ending(caption: str, example: Example, rng: random.Random) -> str | None:
    """The caption with the beginning of another phrase: `... with a`."""
    return f"{ended(caption)} {rng.choice(ENDINGS)}"


def swapped_object(caption: str, example: Example, rng: random.Random) -> str | None:
    return swapped(caption, nouns(nouns_of(example)), example, rng)


def swapped_attribute(caption: str, example: Example, rng: random.Random) -> str | None:
    """Another colour, size or number."""
    return swapped(caption, ATTRIBUTES, example, rng)


def swapped_relation(caption: str, example: Example, rng: random.Random) -> str | None:
    return swapped(caption, RELATIONS, example, rng)


def hallucination(caption: str, example: Example, rng: random.Random) -> str | None:
    """The caption with a thing that the picture does not show."""
    names = [one for one, _ in nouns_of(example)]
    for noun in rng.sample(names, len(names)):
        added = f"{ended(caption)} and {article(noun)} {noun}"
        if is_false(added, [noun], caption, example):
            return added
    return None


def padded(caption: str, example: Example, rng: random.Random) -> str | None:
    """The caption with words that mean nothing."""
    words = ended(caption).split()
    filler = [PADDING[n % len(PADDING)] for n in range(LENGTH - len(words))]
    return " ".join([*words, *filler]) if filler else None


def praised(caption: str, example: Example, rng: random.Random) -> str | None:
    """The caption with praise, as pages of the web have it."""
    return ", ".join([ended(caption), *rng.sample(PRAISE, 3)])


def negated(caption: str, example: Example, rng: random.Random) -> str | None:
    """`no` in the place of an article: the caption denies what it had claimed."""
    words = caption.split()
    places = [place for place, word in enumerate(words) if word.lower() in ("a", "an", "the")]
    if not places:
        return None
    words[rng.choice(places)] = "no"
    return " ".join(words)


def misspelt(caption: str, example: Example, rng: random.Random) -> str | None:
    """Two letters within a word exchanged, in up to two words."""
    words = caption.split()
    places = [place for place, word in enumerate(words) if len(set(word[1:4])) == 3 and word[:4].isalpha()]
    for place in rng.sample(places, min(2, len(places))):
        word = words[place]
        words[place] = word[0] + word[2] + word[1] + word[3:]
    return changed(" ".join(words), caption)


CORRUPTIONS: dict[str, Corruption] = {
    "repeated word": repeated_word,
    "repeated phrase": repeated_phrase,
    "keyword list": keyword_list,
    "no function words": no_function_words,
    "shuffled order": shuffled,
    "wrong function word": wrong_function_word,
    "broken agreement": broken_agreement,
    "broken ending": broken_ending,
    "swapped object": swapped_object,
    "swapped attribute": swapped_attribute,
    "swapped relation": swapped_relation,
    "hallucination": hallucination,
    "padding": padded,
    "praise": praised,
    "negated claim": negated,
    "misspelt words": misspelt,
}


def swapped(caption: str, table: Table, example: Example, rng: random.Random) -> str | None:
    """The caption with another word or phrase of `table` that makes it false. The longest phrase is replaced."""
    pattern = r"\b(" + "|".join(map(re.escape, sorted(table, key=len, reverse=True))) + r")\b"
    matches = list(re.finditer(pattern, caption, re.IGNORECASE))
    for match in rng.sample(matches, len(matches)):
        others = table[match.group().lower()]
        for other in rng.sample(list(others), len(others)):
            text = right_article(caption[: match.start()], other) + caption[match.end() :]
            if is_false(text, other.split(), caption, example):
                return text
    return None


def right_article(before: str, word: str) -> str:
    """The words with the right form of an article: `an` before a vowel, `a` before other letters. Capitals stay."""
    found = re.search(r"\b(a|an) $", before, re.IGNORECASE)
    if not found:
        return before + word
    form = article(word).capitalize() if found[1][0].isupper() else article(word)
    return f"{before[: found.start()]}{form} {word}"


def is_false(text: str, words: Sequence[str], caption: str, example: Example) -> bool:
    """Whether a change made the caption false.

    A scene decides by its graph. For other pictures, neither references nor caption may have the words, in the singular
    or the plural, nor a kind of them: a man is a person.
    """
    if isinstance(example.image, Scene):
        return truth(text, example.image) < truth(caption, example.image)
    present = {DIGITS.get(word, word) for source in (caption, *example.references) for word in bare(source)}
    return not named(present).intersection(words)


def named(present: set[str]) -> set[str]:
    """The words with the other number of each noun among them, and with `person` where there is a man or a child."""
    both = {form for pair in PHOTO_NOUNS if present.intersection(pair) for form in pair}
    return present | both | (set(PERSON) if both & PEOPLE else set())


def changed(text: str, caption: str) -> str | None:
    """The text; None for one without words, and for the words of the caption with other signs."""
    return text if text and spelt(text) != spelt(caption) else None


def spelt(text: str) -> list[str]:
    """The words of a text in any language, in lower case and without signs."""
    return re.findall(r"\w+", text.lower())
