"""Which corruptions of the audit a metric has met in its training: the same fault, a related one, or neither.

The trainer's rules (`metric.negatives`) and the audit's corruptions are separate code with separate words. A metric
that was trained against a fault should be judged by the faults that it has not met.
"""

from __future__ import annotations

from collections.abc import Collection

TRAINED, RELATED, UNSEEN = "trained", "related", "unseen"

# corruption -> kinds of negatives with the same fault, kinds with a related fault
KINSHIP: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "repeated word": (("repeat-word",), ("repeat-phrase", "insert", "intrude")),
    "repeated phrase": (("repeat-phrase",), ("repeat-word",)),
    "keyword list": ((), ("long-words", "shuffle", "no-articles")),
    "no function words": (("long-words",), ("no-articles", "drop", "omit")),
    "shuffled order": (("shuffle",), ("swap",)),
    "wrong function word": (("misuse",), ("short-word", "replace")),
    "broken agreement": (("inflect", "article", "misuse"), ()),
    "broken ending": (("ending",), ("cut",)),
    "swapped object": (("thing",), ("replace",)),
    "swapped attribute": (("attribute", "number"), ("replace", "binding")),
    "swapped relation": (("relation", "place"), ("sides", "short-word")),
    "hallucination": ((), ("insert",)),
    "padding": ((), ()),
    "praise": ((), ()),
    "negated claim": ((), ()),
    "misspelt words": ((), ()),
}


def kinship(corruption: str, kinds: Collection[str]) -> str:
    """`trained`, `related` or `unseen`, for a metric with the kinds of negatives; "" for one without negatives."""
    if not kinds:
        return ""
    same, near = KINSHIP[corruption]
    if set(kinds) & {*same}:
        return TRAINED
    return RELATED if set(kinds) & {*near} else UNSEEN
