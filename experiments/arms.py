"""What the ablations share: how hard a reward is pressed, one arm with its scores, a figure over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.commands import resume_flag, run_apart

# beams as in the paper, gently and not; samples at a rate that stays up, harder still
PRESSURES: dict[str, tuple[object, ...]] = {
    "1e-4": ("--rl.lr", 1e-4, "--rl.steps", 300, "--val-every", 60),
    "3e-4": ("--rl.lr", 3e-4, "--rl.steps", 300, "--val-every", 60),
    "sampled-2e-4": ("--rl.candidates", "sample", "--rl.lr", 2e-4, "--no-rl.decay", "--rl.steps", 150)
    + ("--val-every", 50),
}
SCORES = "classic,text,clip,scene,incorrect:checker=auto"  # grammar is checked at the end only: it takes a server


def train_and_score(out: Path, *flags: object) -> None:
    """One run of the small size, or the rest of it, and its scores on the test split. Nothing where scores are."""
    if (out / "scores-test.json").exists():
        return
    run_apart("train", "--out", out, *(resume_flag(out) or ("--preset", "small", "--checker", "none", *flags)))
    run_apart("evaluate", out, "--scores", SCORES)


def over_seeds(values: Sequence[float] | np.ndarray) -> str:
    """`mean ± sample standard deviation (each seed)`."""
    each = ", ".join(f"{value:+.3f}" for value in values)
    return f"{np.mean(values):+.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f} ({each})"
