"""The truth of captions about drawn scenes, whose content is known."""

from __future__ import annotations

from metric.example import Example
from metric.scenes.truth import recall, truth
from metric.scenes.world import Scene
from rewards.context import Context
from rewards.mix import Reward, per_caption
from rewards.registry import register


@register("truth", needs=("scenes",))
def build_truth(context: Context) -> Reward:
    """Share of the caption's claims that are true, times share of the scene's things it names: 0 to 1.

    For scenes only. The second factor keeps captions from saying little. The reward is exact and needs no network: it
    is an upper bound for a learned reward. It does not ask for a sentence. Cost: some 10,000 captions a second.
    """
    return per_caption(worth)


def worth(example: Example, caption: str) -> float:
    assert isinstance(example.image, Scene), example.image  # Mix.check has told the user
    return truth(caption, example.image) * recall(caption, example.image)
