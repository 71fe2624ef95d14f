"""Words of a caption as the COCO tools count them: lower-case Penn Treebank tokens, no punctuation, no Java.

The tokens are those of Stanford's PTBTokenizer 3.4.1 as pycocoevalcap calls it (`-preserveLines -lowerCase`, then its
list of punctuation). Most captions consist of plain words, whose tokens do not depend on their neighbours and are
cached. Other text goes through the rules of the lexer. Chinese and Japanese captions without spaces, which Stanford's
keeps as one word, have a token for each character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from metric.language import by_character
from metric.scores.ptb_rules import step

# pycocoevalcap's list. Its brackets are upper-case, and the tokens are not: "-lrb-" stays a word.
PUNCTUATIONS = frozenset(["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", *".?!,:-;", "--", "..."])
PIECE = re.compile(r"(?<!\S)\S+")
# Pieces whose tokens do not depend on their neighbours. "no." does: before a number the stop belongs to it.
PLAIN = re.compile(
    r"""(?! ["']? (?: ca | figs? | prop | nos? | art | bldg | pp | op ) [.] )
    (?: ["']? [a-z]{2,} (?: ['-] [a-z]+ )* ["']? [.,!?;:]* ["']? | [a-z],? | [.,&] )""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


@lru_cache(maxsize=1 << 18)
def tokenize(caption: str) -> tuple[str, ...]:
    """`"A man's dog isn't here."` -> `("a", "man", "'s", "dog", "is", "n't", "here")`, `"狗跑。"` -> `("狗", "跑")`."""
    caption = by_character(caption)
    pieces = list(map(plain_piece, caption.split()))
    plain = [piece for piece in pieces if piece is not None]
    return tuple(chain.from_iterable(plain) if len(plain) == len(pieces) else lexed(caption.replace("\n", " ") + "\n"))


@lru_cache(maxsize=1 << 18)
def plain_piece(piece: str) -> tuple[str, ...] | None:
    """The tokens of a piece of text without spaces; None where they depend on its neighbours."""
    return tuple(by_rules(piece + "\n")) if PLAIN.fullmatch(piece) else None


def lexed(text: str) -> Iterator[str]:
    """The tokens of a text: plain pieces from the cache, all others by the rules."""
    at = 0
    while at < len(text):
        piece = PIECE.match(text, at)
        tokens = plain_piece(piece[0]) if piece else None
        if piece and tokens is not None:
            yield from tokens
            at = piece.end()
        else:
            token, at = step(text, at)
            if token and token not in PUNCTUATIONS:
                yield token


def by_rules(text: str) -> Iterator[str]:
    """The tokens of a text, by the rules alone."""
    at = 0
    while at < len(text):
        token, at = step(text, at)
        if token and token not in PUNCTUATIONS:
            yield token


def words(caption: str) -> tuple[str, ...]:
    """The tokens as BLEU and CIDEr count them. They split tokens such as "1 1/2", which Stanford keeps as one."""
    tokens = tokenize(caption)
    return tuple(" ".join(tokens).split()) if any("\u00a0" in token for token in tokens) else tokens
