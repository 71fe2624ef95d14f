"""Short names of rewards and settings, as tables print them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from metric.scores.catalogue import SCORES
from metric.spec import plain
from rewards.spec import RewardSpec

PRINTED = {plain(name): score.printed.removesuffix(" %") for name, score in SCORES.items()}


def label(rewards: Sequence[RewardSpec]) -> str:
    """`XE`, `+PAC-S++`, or a mix with its weights: `+CIDEr 0.2 · PAC-S++ 1`.

    >>> label([]), label([RewardSpec("cider", weight=0.2), RewardSpec("pacspp")])
    ('XE', '+CIDEr 0.2 · PAC-S++ 1')
    """
    return "+" + mixed(rewards) if rewards else "XE"


def mixed(rewards: Sequence[RewardSpec]) -> str:
    """The rewards with a point between two, and with their weights unless one reward has the weight 1."""
    weighted = len(rewards) > 1 or any(reward.weight != 1 for reward in rewards)
    return " · ".join(PRINTED.get(reward.name, reward.name) + f" {reward.weight:g}" * weighted for reward in rewards)


def brief(value: Any) -> str:
    """A short form of a value: `4e-4`, `0.1`, the last folder of a path, or `none`."""
    if isinstance(value, float) and 0 < abs(value) < 0.01:
        return np.format_float_scientific(value, trim="-", exp_digits=1)
    return f"{value:g}" if isinstance(value, float) else str(value).rstrip("/").rpartition("/")[2] or "none"


def told_apart(value: Any, others: Iterable[Any]) -> str:
    """The shortest form of a value that none of the others has. A path has as many of its last folders as it takes.

    >>> told_apart("a/metric", ["b/metric", "b/hard"]), told_apart(0.1234567, [0.1234568])
    ('a/metric', '0.1234567')
    """
    tails = [partial(tail, folders=n) for n in range(2, str(value).count("/") + 1)]
    forms: list[Callable[[Any], str]] = [brief, *tails, str]
    unlike = [other for other in others if other != value]
    telling = (form for form in forms if all(form(other) != form(value) for other in unlike))
    return next(telling, str)(value)


def tail(path: Any, folders: int) -> str:
    """The last folders of a path."""
    return "/".join(str(path).rstrip("/").split("/")[-folders:])
