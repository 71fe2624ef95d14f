"""Classifier-free guidance of a captioner (Kornblith et al., arXiv 2307.16686, after Ho and Salimans, 2207.12598).

A captioner that was trained with some pictures hidden knows two distributions of the next token: of captions of the
picture, and of captions alone. Guidance moves away from the second, towards what only this picture has said.

Axes: b pictures, k captions of each, p patches, n captions, d model features, v vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from captioner.model.attention import AnyCache
from captioner.model.encoder_decoder import Captioner
from captioner.model.vocabulary import Vocabulary


class Decoder(Protocol):
    """What writes captions token by token: a captioner, or a guided one. A cache has the method `select`."""

    vocabulary: Vocabulary

    def start(self, memory: Tensor) -> Any:
        """The cache before the first token. Memory `b p d` -> cache."""

    def step(self, tokens: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Reads one token of each caption. Tokens `b k` -> logits `b k v` of the next tokens, and the new cache."""


@dataclass(frozen=True)
class Pair:
    """The caches of the captions with their pictures, and of the same captions without a picture."""

    seeing: AnyCache
    blind: AnyCache

    def select(self, rows: Tensor) -> Pair:
        """Keeps the captions with the numbers `rows`, `n`, in that order."""
        return Pair(self.seeing.select(rows), self.blind.select(rows))


class Guided:
    """A captioner whose next token has log p = log p(no picture) + guidance (log p(picture) - log p(no picture)).

    1 is the captioner itself, 0 the captioner without pictures. Both passes keep their keys and values.
    """

    def __init__(self, captioner: Captioner, guidance: float, decoder: Decoder | None = None) -> None:
        """`decoder` writes in place of the captioner, see `FixedShapes`."""
        self.captioner, self.guidance = captioner, guidance
        self.decoder = decoder or captioner
        self.vocabulary = captioner.vocabulary

    def start(self, memory: Tensor) -> Pair:
        """The caches before the first token. Memory `b p d` -> Pair."""
        nothing = self.captioner.encode_nothing().expand(len(memory), -1, -1)
        return Pair(self.decoder.start(memory), self.decoder.start(nothing))

    def step(self, tokens: Tensor, cache: Pair) -> tuple[Tensor, Pair]:
        """Tokens `b k` -> logits `b k v` in fp32, and the new caches. Their softmax is the renormalised distribution.

        Logits are log-probabilities but for a constant, which the softmax takes out again.
        """
        picture, seeing = self.decoder.step(tokens, cache.seeing)
        nothing, blind = self.decoder.step(tokens, cache.blind)
        nothing = nothing.float()
        return nothing + self.guidance * (picture.float() - nothing), Pair(seeing, blind)
