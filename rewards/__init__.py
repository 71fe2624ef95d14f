"""What a run is asked to raise: rewards by name, mixed. `build(specs, context)` is the only way in."""

from rewards.context import Context
from rewards.registry import build, listing, register
from rewards.spec import RewardSpec, parse

__all__ = ["Context", "RewardSpec", "build", "listing", "parse", "register"]
