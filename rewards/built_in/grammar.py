"""Grammatical captions, by a grammar checker made for people's texts.

Axes: b images, k captions of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from einops import rearrange
from torch import Tensor

from metric.example import Example
from metric.runtime.console import say
from metric.scores.grammar import grammar_checker
from rewards.context import Context
from rewards.registry import register


@register("grammar", needs=("checker",))
class Grammar:
    """1 for a caption in which the checker finds no fault of grammar, 0 for others and for silence.

    `checker` is languagetool (needs Java 17) or harper (needs no Java, misses much). No checker replaces the other.
    `language` is a code of LanguageTool, such as de-DE; "" is English.
    Casing, spelling and punctuation are not checked. A caption that stops in mid-sentence may pass, so mix this reward
    with bad_endings. Cost: 2 ms a caption by either checker. Each different caption is checked once. The captions of a
    step are checked in one request.
    """

    def __init__(self, context: Context, checker: str = "languagetool", language: str = "") -> None:
        self.checker = grammar_checker(checker, language=language)
        say(f"reward grammar: checked by {self.checker.name}")

    @property
    def signature(self) -> str:
        return f"grammar[{self.checker.name}]"

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        texts = list(chain.from_iterable(captions))
        wrong = self.checker.incorrect(texts)
        good = [float(bool(text.strip()) and not fault) for text, fault in zip(texts, wrong)]
        return rearrange(torch.tensor(good), "(b k) -> b k", b=len(examples))
