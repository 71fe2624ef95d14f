"""The parts that the ablations share: the pressures of a reward, one run with its scores, a figure over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.commands import resume_flag, run_apart

# pressure -> flags: beams as in the paper at two learning rates, and samples at a learning rate that does not fall
PRESSURES: dict[str, tuple[object, ...]] = {
    "1e-4": ("--rl.lr", 1e-4, "--rl.steps", 300, "--val-every", 60),
    "3e-4": ("--rl.lr", 3e-4, "--rl.steps", 300, "--val-every", 60),
    "sampled-2e-4": ("--rl.candidates", "sample", "--rl.lr", 2e-4, "--no-rl.decay", "--rl.steps", 150)
    + ("--val-every", 50),
}
SCORES = "classic,text,clip,scene,incorrect:checker=auto"  # `incorrect` takes a server: for the last captions only


def train_and_score(out: Path, *flags: object) -> None:
    """Trains or continues one run of the small size, and scores its test captions. A scored run is left alone."""
    if (out / "scores-test.json").exists():
        return
    run_apart("train", "--out", out, *(resume_flag(out) or ("--preset", "small", "--checker", "none", *flags)))
    run_apart("evaluate", out, "--scores", SCORES)


def over_seeds(values: Sequence[float] | np.ndarray) -> str:
    """The text `mean ± sample standard deviation (value of each seed)`."""
    seeds = ", ".join(f"{value:+.3f}" for value in values)
    return f"{np.mean(values):+.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f} ({seeds})"
