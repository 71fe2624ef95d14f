"""The contract of a reward, and a check of the contract for rewards of your own.

    from rewards import check_reward, parse
    check_reward(parse("mine:option=1"))

Axes: b images, k captions of each image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards.context import Context
from rewards.mix import Reward, verify
from rewards.registry import build
from rewards.spec import RewardSpec

TOLERANCE = 1e-4  # absolute: matrix products of another batch size differ in the last bits
ODD_CAPTIONS = (
    "",
    " ",
    "...",
    "dog " * 500,
    "une étoile à gauche, 猫 und 🐈\u200b",
    "A DOG!\n",
    Cut("a dog and a"),
)


class BrokenContract(AssertionError):
    """A reward breaks a rule for rewards. The message names the rule."""


def check_reward(reward: Reward | RewardSpec, examples: Sequence[Example] = (), context: Context | None = None) -> None:
    """Raises BrokenContract for a reward that breaks a rule.

    The check uses the first three of `examples`. Without examples, the check uses three embedded scenes. A spec is
    built with `context`, which by default holds the examples of the check.
    """
    examples = list(examples)[:3] or scenes()
    assert len(examples) == 3, "check_reward takes three examples or more"
    if isinstance(reward, RewardSpec):
        reward = build([reward], context or Context(examples)).terms[0].reward
    check_shapes(reward, examples)
    check_independence(reward, examples)
    check_odd_captions(reward, examples)


def scenes() -> list[Example]:
    """Three embedded scenes with references."""
    return [Example(f"scene{i}", scene, references(scene)) for i in range(3) for scene in [sample("train", i)]]


def captions_for(examples: Sequence[Example], k: int) -> list[list[str]]:
    """`k` different captions for each example."""
    texts = ("a cat on a beach", "two red boats", "there is a small blue house in the snow", "a dog")
    return [[texts[(i + j) % len(texts)] for j in range(k)] for i in range(len(examples))]


def values_of(reward: Reward, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
    """The values of a reward, `b k`, on the CPU. Raises BrokenContract for a wrong shape, type or number."""
    before = list(examples), [list(texts) for texts in captions]
    values = reward(examples, captions)
    demand((list(examples), [list(texts) for texts in captions]) == before, "changes the lists it is given")
    try:
        verify("under test", values, examples, captions)
    except ValueError as error:
        raise BrokenContract(str(error)) from None
    demand(not values.requires_grad, "must not carry a gradient: compute under torch.no_grad()")
    return values.cpu()


def check_shapes(reward: Reward, examples: Sequence[Example]) -> None:
    """Raises BrokenContract for a reward that fails on some number of examples or captions."""
    for b, k in ((2, 3), (1, 1), (3, 2)):
        values_of(reward, examples[:b], captions_for(examples[:b], k))


def check_independence(reward: Reward, examples: Sequence[Example]) -> None:
    """Raises BrokenContract for a reward that depends on the call, the order or the neighbours of a caption."""
    captions = captions_for(examples, k=3)
    values = values_of(reward, examples, captions)
    same = values_of(reward, examples, captions)
    demand(close(values, same), "gives the same captions other values at the second call")
    backward = values_of(reward, examples[::-1], [texts[::-1] for texts in captions[::-1]])
    demand(close(values, backward.flip(0, 1)), "depends on the order of images or captions")
    single = [[values_of(reward, [e], [[text]]).item() for text in texts] for e, texts in zip(examples, captions)]
    demand(close(values, torch.tensor(single)), "depends on which captions are scored together")


def check_odd_captions(reward: Reward, examples: Sequence[Example]) -> None:
    """Raises BrokenContract for a reward that fails on the captions of an untrained captioner."""
    values_of(reward, examples, [list(ODD_CAPTIONS)] * len(examples))


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape differ by at most TOLERANCE."""
    return torch.allclose(one, other, rtol=0.0, atol=TOLERANCE)


def demand(holds: bool, complaint: str) -> None:
    """Raises BrokenContract with the complaint unless a rule `holds`."""
    if not holds:
        raise BrokenContract(f"the reward {complaint}")
