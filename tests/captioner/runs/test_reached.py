"""How far a run came, in a line."""

from captioner.config import Rl, Run, Xe
from captioner.runs.reached import told


def test_the_last_validation_is_told_with_the_steps_of_its_stage():
    rows = [
        {"stage": "xe", "step": 60, "val/cider": 1.0},
        {"stage": "reward", "step": 20, "val/cider": 1.92, "val/clip_s": 1.5, "val/kl": 0.1},
        {"stage": "reward", "step": 21, "loss": 0.5},
    ]
    run = Run(xe=Xe(steps=60), rl=Rl(steps=30), rewards=("cider",))
    assert told(run, rows) == "reward step 20 of 30; validation: CIDEr 1.920, CLIP-S 1.500"
    assert told(run, rows[:1]) == "xe step 60 of 60; validation: CIDEr 1.000"
