"""BLEU-4 and ROUGE-L: the word-for-word overlap of captions with the references of the picture.

The end of the sentence is a word of references and captions, as in `rewards.built_in.cider`. A caption that the length
limit ended has none. Without that word, captions learn to end in "with a" (arXiv 2305.12254).
"""

from __future__ import annotations

from metric.example import Cut, Example
from metric.scores.bleu_rouge import Tokens, bleu_of, hits, rouge_l
from metric.scores.cider import EOS
from metric.scores.ptb_tokenizer import tokenize
from rewards.context import Context
from rewards.mix import Reward, per_caption
from rewards.registry import register


@register("bleu4", needs=("references",))
def build_bleu4(context: Context) -> Reward:
    """BLEU-4 of each caption by itself: geometric mean of 1- to 4-gram precision x brevity penalty, 0 to 1.

    Papineni et al. 2002, unsmoothed as in pycocoevalcap. A caption that shares no 4-gram with a reference has 0, so
    an untrained captioner learns little from it. The end of the sentence is a word.
    Cost: some 6,000 captions a second on one core.
    """
    return per_caption(bleu4)


@register("rouge_l", needs=("references",))
def build_rouge_l(context: Context) -> Reward:
    """ROUGE-L: F-measure (beta 1.2) of the longest common subsequence, best precision with best recall, 0 to 1.

    Lin 2004, as in pycocoevalcap. The end of the sentence is a word. Cost: some 20,000 captions a second on one core.
    """
    return per_caption(rouge)


def bleu4(example: Example, caption: str) -> float:
    return bleu_of(hits(words(caption), [words(reference) for reference in example.references]))[3]


def rouge(example: Example, caption: str) -> float:
    return rouge_l(words(caption), [words(reference) for reference in example.references])


def words(caption: str) -> Tokens:
    """The tokens of a caption, with the end of the sentence unless the length limit ended the caption."""
    return tokenize(caption) if isinstance(caption, Cut) else (*tokenize(caption), EOS)
