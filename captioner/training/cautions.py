"""Settings of a run that can be trained and hardly ever should: one line each, with the number to use."""

from __future__ import annotations

from captioner.config import Rl, Run, Xe
from captioner.presets import PRESETS
from metric.runtime.schedule import long_warmup

CARRIED = 2  # a reward stage at half of cross-entropy's learning rate or more, which ruins captions in few steps
FAST = 10  # times the learning rate of the preset of the model's size


def cautions(run: Run) -> list[str]:
    """What to say of a run before it begins."""
    found = long_warmup("xe.warmup", run.xe.warmup) if run.xe.steps and not run.init else []
    return [*found, *(reward_stage(run) if run.rewards else [])]


def reward_stage(run: Run) -> list[str]:
    usual, rate = usual_rate(run), run.rl.lr
    found = long_warmup("rl.warmup", run.rl.warmup)
    if CARRIED * rate >= run.xe.lr:
        found.append(
            f"--rl.lr {rate:g} is cross-entropy's learning rate ({run.xe.lr:g}) or near it, which ruins captions in "
            f"the reward stage; type --rl.lr {usual:g}"
        )
    elif rate > FAST * usual:
        found.append(
            f"--rl.lr {rate:g} is {rate / usual:.0f} times what a model of this size is trained with; "
            f"type --rl.lr {usual:g}"
        )
    if not run.init and not run.xe.steps:
        found.append(
            "the reward stage begins with an untrained model, whose captions are noise that no reward improves; "
            f"type --init RUN, or --xe.steps {usual_steps(run)}"
        )
    return found


def preset_of(run: Run) -> dict:
    """The size whose width is nearest to the model's."""
    widths = {name: preset.get("model.d", Run().model.d) for name, preset in PRESETS.items()}
    return PRESETS[min(widths, key=lambda name: abs(widths[name] - run.model.d))]


def usual_rate(run: Run) -> float:
    return preset_of(run).get("rl.lr", Rl().lr)


def usual_steps(run: Run) -> int:
    return preset_of(run).get("xe.steps", Xe().steps)
