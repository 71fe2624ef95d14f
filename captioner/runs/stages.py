"""The stages of a run, and the settings of each."""

from __future__ import annotations

from captioner.config import Rl, Run, Xe


def stages(run: Run) -> list[str]:
    """The stages of a run, xe and reward. A run that starts from another model has no cross-entropy."""
    return (["xe"] if run.xe.steps and not run.init else []) + (["reward"] if run.rewards else [])


def settings_of(run: Run, stage: str) -> Xe | Rl:
    """The settings of the stage xe or reward."""
    return run.xe if stage == "xe" else run.rl


def steps_before(run: Run) -> dict[str, int]:
    """Stage -> the steps of the stages before it."""
    return {"reward": run.xe.steps if "xe" in stages(run) else 0}
