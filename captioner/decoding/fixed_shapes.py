"""Decoding steps that all have one shape, so that a step can be compiled, or captured as a CUDA graph.

The cache of `Captioner.start` grows with every token. Here it has the size of the longest caption from the beginning,
and a mask. A step then reads more memory, and a GPU gets one launch in place of some sixty.

Axes: b pictures, k captions of each, p patches, t tokens, d model features, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from captioner.model.attention import FixedCache
from captioner.model.encoder_decoder import Captioner
from metric.runtime.console import first_line

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class FixedShapes:
    """A captioner whose steps have the shapes of its longest caption. Its log-probabilities differ by rounding."""

    def __init__(self, captioner: Captioner, max_length: int, compile: bool = False) -> None:
        """`max_length` is that of `generate`. With `compile`, a step is compiled, on a GPU as a CUDA graph.

        The first batch of each size waits for the compiler.
        """
        self.captioner, self.max_length = captioner, max_length
        self.vocabulary = captioner.vocabulary
        self.read: Step = compiled(captioner) if compile else captioner.step

    def start(self, memory: Tensor) -> FixedCache:
        """The cache before the first token. Memory `b p d` -> cache."""
        return FixedCache.begun(self.captioner.start(memory), self.max_length)

    def step(self, tokens: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Reads one more token of each caption. Tokens `b k` -> logits `b k v` of the next tokens, and the new cache.

        Raises ValueError where a step cannot be compiled.
        """
        return self.read(tokens.contiguous(), cache)  # other strides would be another shape


def compiled(captioner: Captioner) -> Step:
    """The step of the captioner, compiled when it is called. A machine without a compiler raises ValueError then."""
    from torch._dynamo.exc import TorchDynamoException  # seconds to import

    mode = "reduce-overhead" if captioner.token.weight.is_cuda else "default"
    quick = torch.compile(captioner.step, dynamic=False, mode=mode)

    def step(tokens: Tensor, cache: Any) -> tuple[Tensor, Any]:
        try:
            return quick(tokens, cache)
        except TorchDynamoException as error:
            raise ValueError(
                f"a decoding step cannot be compiled on this machine: {first_line(error)}; leave --compile out"
            ) from None

    return step
