"""Decoding steps that all have one shape, so that torch.compile can make one program of a step.

The cache of `Captioner.start` grows with every token. Here it has the size of the longest caption from the beginning,
and a mask. A step then reads more memory, and never waits for a number that the device has.

Axes: b pictures, k captions of each, p patches, t tokens, d model features, v vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from captioner.model.attention import FixedCache
from captioner.model.encoder_decoder import Captioner
from metric.runtime.console import first_line


class FixedShapes:
    """A captioner whose steps have the shapes of its longest caption. Its log-probabilities differ by rounding.

    The first token has shapes of its own, and with beams the second too.
    """

    def __init__(self, captioner: Captioner, max_length: int, compile: bool = False) -> None:
        """`max_length` is that of `generate`. With `compile`, steps are compiled when they are first met.

        Raises ValueError where nothing can be compiled.
        """
        self.captioner, self.max_length = captioner, max_length
        self.vocabulary = captioner.vocabulary
        if compile:
            try_compiler(captioner.token.weight.device)
        self.read = torch.compile(captioner.step, dynamic=False) if compile else captioner.step

    def start(self, memory: Tensor) -> FixedCache:
        """The cache before the first token. Memory `b p d` -> cache."""
        return FixedCache.begun(self.captioner.start(memory), self.max_length)

    def step(self, tokens: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Reads one more token of each caption. Tokens `b k` -> logits `b k v` of the next ones, and the new cache."""
        return self.read(tokens.contiguous(), cache)  # other strides would be another shape


def try_compiler(device: torch.device) -> None:
    """Compiles a small sum. Raises ValueError on a machine that cannot."""
    from torch._dynamo.exc import TorchDynamoException  # seconds to import

    try:
        torch.compile(lambda x: x.exp() + 1)(torch.zeros(8, device=device))
    except TorchDynamoException as error:
        reason = first_line(getattr(error, "inner_exception", error))
        raise ValueError(f"nothing can be compiled on this machine: {reason}; leave --compile out") from None
