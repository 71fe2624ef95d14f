"""Rewards that read the words of a caption alone. Mixed into another reward, they keep it from being exploited.

--reward clips --reward repetition:weight=0.5 --reward bad_endings:weight=0.2
"""

from __future__ import annotations

from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import ends_badly, repeated, repeated_share
from rewards.context import Context
from rewards.mix import Reward, per_caption
from rewards.registry import register


@register("repetition")
def build_repetition(context: Context, n: int = 4, rate: bool = False) -> Reward:
    """Minus the repeated n-grams of the caption, at most 0; with `rate` their share of all n-grams, -1 to 0.

    The score rep_n with its sign changed. It counts the occurrences of an n-gram after the first one in the caption.
    The count is larger in longer captions, the rate is not. Cost: some 30,000 captions a second on one core.
    """
    if n < 1:
        raise ValueError(f"reward repetition: n is the length of the repeated n-gram, 1 or more, got {n}")
    count = repeated_share if rate else repeated
    return per_caption(lambda example, caption: -float(count(tokenize(caption), n)))


@register("bad_endings")
def build_bad_endings(context: Context) -> Reward:
    """-1 for a caption that ends in a word no sentence ends in, such as "a", "with" or "is", else 0.

    The words: a an the in for at of with before after on upon near to is are am. A caption that the length limit cut is
    read like any other. Cost: some 30,000 captions a second on one core.
    """
    return per_caption(lambda example, caption: -float(ends_badly(tokenize(caption))))


@register("length")
def build_length(context: Context, least: int = 8, most: int = 16) -> Reward:
    """Minus the number of words below `least` or above `most`, at most 0.

    The default holds 95 % of COCO's captions; `least=10,most=10` is minus the distance to 10 words. Words are
    tokens without punctuation. Cost: some 30,000 captions a second on one core.
    """
    if not 0 <= least <= most:
        raise ValueError(f"reward length: 0 <= least <= most, got least={least} and most={most}")

    def missed(example: object, caption: str) -> float:
        words = len(tokenize(caption))
        return -float(max(least - words, words - most, 0))

    return per_caption(missed)
