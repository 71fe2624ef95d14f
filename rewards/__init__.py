"""The rewards of a run. Each reward has a name, and several rewards make a weighted sum.

    from rewards import Context, register, build, parse, check_reward

A name is imported when it is first used, so `import rewards` is fast and loads no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metric.runtime.lazy import front_door

if TYPE_CHECKING:
    from rewards.check import BrokenContract, check_reward
    from rewards.context import Context
    from rewards.registry import build, listing, register
    from rewards.spec import RewardSpec, parse
else:
    __getattr__, __dir__ = front_door(
        __name__,
        {
            **dict.fromkeys(("BrokenContract", "check_reward"), "rewards.check"),
            "Context": "rewards.context",
            **dict.fromkeys(("build", "listing", "register"), "rewards.registry"),
            **dict.fromkeys(("RewardSpec", "parse"), "rewards.spec"),
        },
    )

__all__ = ["BrokenContract", "Context", "RewardSpec", "build", "check_reward", "listing", "parse", "register"]
