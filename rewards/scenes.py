"""The reward that only a world with known truth can give.

Axes: b images, k captions of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metric.example import Example
from metric.scenes.truth import recall, truth
from metric.scenes.world import Scene
from rewards.context import Context
from rewards.mix import Reward
from rewards.registry import register


@register("truth", needs=("scenes",))
def build_truth(context: Context) -> Reward:
    """Share of the caption's claims that are true, times share of the scene's things it names: 0 to 1.

    For scenes only. The first factor alone would be raised by saying little. Exact and without a network: an
    upper bound for what a learned reward can do. It does not ask for a sentence. Cost: some 10,000 captions a
    second.
    """
    return score_truth


def score_truth(examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
    """`b k`."""
    rows = [[worth(caption, example) for caption in texts] for example, texts in zip(examples, captions)]
    return torch.tensor(rows)


def worth(caption: str, example: Example) -> float:
    assert isinstance(example.image, Scene), example.image  # Mix.check has told the user
    return truth(caption, example.image) * recall(caption, example.image)
