"""A window of caption lengths outside which a reward is 0, an option of every reward: `clips:window=8-16`.

A reward that is lowered by length can still be raised by other means. Outside a window nothing is earned at all.
Words are tokens without punctuation, as in the reward `length`.

Axes: b images, k captions of each image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metric.example import Example
from metric.scores.ptb_tokenizer import tokenize
from rewards.mix import Remembering, Reward, verify
from rewards.spec import RewardSpec

# rewards of at most 0, of which 0 is the best value
PENALTIES = {"repetition", "badendings", "length", "lm", "retrieval"}


@dataclass(frozen=True)
class Windowed:
    """A reward that is 0 for captions of fewer than `least` or more than `most` words."""

    name: str
    reward: Reward
    least: int
    most: int

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`. ValueError for a value below 0, which 0 would be better than."""
        values = self.reward(examples, captions)
        verify(self.name, values, examples, captions)
        if (values < 0).any():
            raise ValueError(penalty(self.name, f"it gave {float(values.min()):g}"))
        inside = [[self.least <= len(tokenize(text)) <= self.most for text in row] for row in captions]
        return values * torch.tensor(inside, device=values.device)

    def exchange(self) -> None:
        """Shares the cached values of the reward, if it has a cache."""
        if isinstance(self.reward, Remembering):
            self.reward.exchange()


def windowed(name: str, reward: Reward, window: str | None) -> Reward:
    """The reward inside a window such as 8-16, or the reward itself for None."""
    return Windowed(name, reward, *read_window(name, window)) if window else reward


def read_window(name: str, text: str) -> tuple[int, int]:
    """`8-16` -> (8, 16). ValueError for other text."""
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if not match or int(match[1]) > int(match[2]):
        raise ValueError(
            f"reward {name}: window is the least and the most words of a caption, got {text!r}; for example window=8-16"
        )
    return int(match[1]), int(match[2])


def refuse_window(spec: RewardSpec, window: str | None) -> None:
    """ValueError for a window that is no window, or around a reward that is below 0 where it is not best."""
    if window is None:
        return
    read_window(spec.name, window)
    if spec.weight < 0:
        raise ValueError(penalty(spec.name, f"its weight is {spec.weight:g}"))
    if spec.name in PENALTIES:
        raise ValueError(penalty(spec.name, "it is at most 0"))


def penalty(name: str, why: str) -> str:
    return f"reward {name}: outside a window a reward is 0, which is no loss here, for {why}; leave window out"
