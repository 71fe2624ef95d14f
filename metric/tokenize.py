"""Words of a caption as the COCO tools count them: lower-case Penn Treebank tokens, no punctuation, no Java.

Follows what Stanford's PTBTokenizer 3.4.1, called as pycocoevalcap calls it (`-preserveLines -lowerCase`),
does to captions. Of the 657,227 of Flickr8k and COCO 2014, 58 come out otherwise.
"""

from __future__ import annotations

import re
from functools import lru_cache

# pycocoevalcap's list without its "-LRB-": the tokens are lower-case by then, so "-lrb-" stays a word.
PUNCTUATIONS = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
DROPPED = PUNCTUATIONS | {'"'}  # Stanford makes `` or '' of it

BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
PLAIN = {"’": "'", "‘": "`", "“": '"', "”": '"', "–": "--", "—": "--", "…": "...", "\u00a0": " "}
FRACTIONS = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
NORMAL = str.maketrans(PLAIN | FRACTIONS)

SPLIT_WORDS = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "lemme": ("lem", "me"),
    "gimme": ("gim", "me"),
    "'tis": ("'t", "is"),
    "'twas": ("'t", "was"),
}

ABBREVIATIONS = (
    "mr mrs ms dr st mt jr sr ave blvd rd corp inc co ltd gen sgt lt rev capt prof col gov sen rep messrs vs "
    "etc dept penn ct jan feb mar apr jun jul aug sept oct nov dec bros bldg ph.d"
)
NUMBERED = "no nos fig"  # abbreviations only before a number: "no. 5"

TOKEN = re.compile(
    rf"""
      (?: https?:// | www\. ) \S+ [^\s.,!?'"]         # addresses
    | [\w.-]+ @ \w+ (?: \. \w+ )+
    | (?: {"|".join(map(re.escape, SPLIT_WORDS))} ) (?! [\w'-] )
    | (?: {ABBREVIATIONS.replace(".", "[.]").replace(" ", "|")} ) [.] (?! \w )
    | (?: {NUMBERED.replace(" ", "|")} ) [.] (?= \s* \d )
    | [^\W\d_] (?: [.] [^\W\d_] )+ [.]? (?! \w )     # u.s. a.m
    | (?<! ['\w] ) [^\W\d_] [.] (?! \w )            # j. smith
    | (?-i: [A-Z]+ & [A-Z]+ )                        # AT&T
    | \w+ [.] (?= [,;] )                             # a slip of the typist, one word to Stanford
    | n't (?! \w )                                   # is n't
    | ' (?: s | m | d | re | ve | ll ) (?! \w )       # dog 's
    | ' \d\ds (?! \w )                                # '80s
    | (?: o | d | l ) ' \w+ | ma'am | 'n' | y'        # o'clock
    | \d+ : \d+ (?= [ap]m )
    | [.]? \d+ (?: [.,:/-] \d+ )* (?: st | nd | rd | th )? (?! -? \w )
    | [@\#] [^\W\d] \w*
    | \w+ (?: [-/.] \w+ )* (?= n't (?! \w ) )
    | \w+ (?: [-/.] \w+ )* (?: [+]+ (?! \w ) )?
    | [.]{{3}} | -{{1,2}} | [!?]+ | [*]+ | '' | ``
    | [^\w\s]
    """,
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(maxsize=1 << 18)
def tokenize(caption: str) -> tuple[str, ...]:
    """`"A man's dog isn't here."` -> `("a", "man", "'s", "dog", "is", "n't", "here")`."""
    tokens = TOKEN.findall(caption.translate(NORMAL))
    return tuple(word for token in tokens for word in words_of(token.lower()) if word not in DROPPED)


def words_of(token: str) -> tuple[str, ...]:
    return SPLIT_WORDS.get(token) or (BRACKETS.get(token, token),)
