"""The distinct beginnings of captions: what several captions of a picture begin with alike is worked out only once.

The candidates of a beam share some two fifths of their tokens. What a decoder says after a beginning is the same in
all captions that have it, and so is its gradient, summed.

Axes: b pictures, k captions of each, t tokens, n distinct beginnings.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True)
class Prefixes:
    """The distinct prefixes of the captions of each picture, picture by picture, and where they stand.

    A place is one token of one caption, and its prefix all of the caption up to there.
    """

    tokens: Tensor
    "`b k t`, BOS first."
    first: Tensor
    "`n`: the first place of each prefix, among the b·k·t."
    number: Tensor
    "`b k t`: which prefix ends at each place; of places that nobody asks for, any."

    @classmethod
    def of(cls, tokens: Tensor, asked: Tensor) -> Prefixes:
        """Tokens `b k t`, and the places that are asked for: with a prefix, in all captions that begin with it."""
        alike = (tokens[:, :, None] == tokens[:, None]).long().cumprod(-1)  # b k k t
        leader = alike.argmax(2)  # b k t: the first caption with the prefix
        leads = (leader == torch.arange(tokens.shape[1], device=tokens.device)[:, None]) & asked
        count = rearrange(leads.flatten().cumsum(0) - 1, "(b k t) -> b k t", b=len(tokens), k=tokens.shape[1])
        return cls(tokens, leads.flatten().nonzero().squeeze(1), count.gather(1, leader).clamp(min=0))

    @classmethod
    def apart(cls, tokens: Tensor) -> Prefixes:
        """Every place by itself, whatever begins alike."""
        places = torch.arange(tokens.numel(), device=tokens.device)
        return cls(tokens, places, places.view(tokens.shape))

    @property
    def last(self) -> Tensor:
        """The last token of each, `n`."""
        return self.tokens.flatten()[self.first]

    @property
    def positions(self) -> Tensor:
        """Where that stands in its caption, `n`."""
        return self.first % self.tokens.shape[-1]

    def spread(self, x: Tensor) -> Tensor:
        """`n d` -> `(b k) t d`: what is known of each prefix, at all its places."""
        spread = x.index_select(0, self.number.flatten())
        return rearrange(spread, "(r t) d -> r t d", t=self.tokens.shape[-1])

    def gather(self, x: Tensor) -> Tensor:
        """`(b k) t d` -> `n d`: of each prefix, from its first place."""
        return x.flatten(0, 1).index_select(0, self.first)
