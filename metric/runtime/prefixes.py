"""The distinct beginnings of captions, so that a decoder reads a beginning that several captions share only once.

The candidates of a beam share some two fifths of their tokens. The decoder's output after a beginning is the same in
all captions with that beginning. The gradient of the output is the sum over these captions.

Axes: b pictures, k captions of each, t tokens, n distinct beginnings.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from metric.runtime.device import sent


@dataclass(frozen=True)
class Prefixes:
    """The distinct prefixes of the captions of each picture, picture by picture, and the places of the prefixes.

    A place is one token of one caption. The prefix of a place is the caption up to that token, token included.
    """

    tokens: Tensor
    "`b k t`, BOS first."
    first: Tensor
    "`n`: the first place of each prefix, as an index into the b·k·t places."
    number: Tensor
    "`b k t`: the number of the prefix that ends at each place. Places that are not asked for hold any number."

    @classmethod
    def of(cls, tokens: Tensor, asked: Tensor) -> Prefixes:
        """From tokens `b k t` and a mask of places `b k t`. The mask is the same for all captions of a prefix."""
        alike = (tokens[:, :, None] == tokens[:, None]).long().cumprod(-1)  # b k k t
        leader = alike.argmax(2)  # b k t: the first caption with the prefix
        leads = (leader == torch.arange(tokens.shape[1], device=tokens.device)[:, None]) & asked
        count = rearrange(leads.flatten().cumsum(0) - 1, "(b k t) -> b k t", b=len(tokens), k=tokens.shape[1])
        return cls(tokens, leads.flatten().nonzero().squeeze(1), count.gather(1, leader).clamp(min=0))

    def to(self, device: torch.device) -> Prefixes:
        """The same prefixes on a device. They are best found on the CPU: their number is a question to the device."""
        return Prefixes(sent(self.tokens, device), sent(self.first, device), sent(self.number, device))

    @classmethod
    def apart(cls, tokens: Tensor) -> Prefixes:
        """Every place has a prefix of its own, also where captions begin alike."""
        places = torch.arange(tokens.numel(), device=tokens.device)
        return cls(tokens, places, places.view(tokens.shape))

    @property
    def last(self) -> Tensor:
        """The last token of each prefix, `n`."""
        return self.tokens.flatten()[self.first]

    @property
    def positions(self) -> Tensor:
        """The position in its caption of the last token of each prefix, `n`, counted from 0."""
        return self.first % self.tokens.shape[-1]

    def expand(self, x: Tensor) -> Tensor:
        """`n d` -> `(b k) t d`: the values of each prefix, at all places of the prefix."""
        expanded = x.index_select(0, self.number.flatten())
        return rearrange(expanded, "(r t) d -> r t d", t=self.tokens.shape[-1])

    def gather(self, x: Tensor) -> Tensor:
        """`(b k) t d` -> `n d`: the value of each prefix, from its first place."""
        return x.flatten(0, 1).index_select(0, self.first)
