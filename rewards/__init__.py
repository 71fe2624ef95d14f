"""What a run is asked to raise: rewards by name, mixed. `build(specs, context)` is the only way in."""

from typing import TYPE_CHECKING, Any

from rewards.context import Context
from rewards.registry import build, listing, register
from rewards.spec import RewardSpec, parse

if TYPE_CHECKING:
    from rewards.check import BrokenContract, check_reward

__all__ = ["BrokenContract", "Context", "RewardSpec", "build", "check_reward", "listing", "parse", "register"]


def __getattr__(name: str) -> Any:
    """`check_reward` and its error when they are asked for: they need torch, names and options do not."""
    if name in ("BrokenContract", "check_reward"):
        from rewards import check

        return getattr(check, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
