"""Rewards inside the trainers of others: TRL, ms-swift, EasyR1, verl. A bridge takes the text that --reward takes.

    from rewards.bridges import trl_reward

Imports the rooms of rewards before it, and no trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metric.runtime.lazy import front_door

if TYPE_CHECKING:
    from rewards.bridges.judge import Judge
    from rewards.bridges.swift import orm
    from rewards.bridges.trl import trl_reward
else:
    __getattr__, __dir__ = front_door(
        __name__,
        {
            "Judge": "rewards.bridges.judge",
            "orm": "rewards.bridges.swift",
            "trl_reward": "rewards.bridges.trl",
        },
    )

__all__ = ["Judge", "orm", "trl_reward"]
