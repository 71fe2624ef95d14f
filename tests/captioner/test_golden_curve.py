"""Golden curves: losses of short runs, kept in golden_curve.json, show whether a refactor moved a number.

`python tests/captioner/test_golden_curve.py` prints what moved and renews the file. Renew the file only for a change
of numbers that is wanted, and put a line in CHANGELOG.md.

The runs go through the command line and read metrics.jsonl, so that modules can move without an edit here. Each curve
holds one number a step. `start` is longer than the others, because CIDEr of an untrained captioner is zero.

A deviation is a share of the largest number of its curve, so that losses near zero are not held to their own size.
Measured on one machine (AVX-512, torch 2.14.1): two processes agree to the last bit. One thread in place of two, oneDNN
off, and kernels without AVX or with AVX2 only (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_CBWR) move a loss by at
most 1.1e-5, a gradient norm by 2.1e-5 and a reward by 2.5e-7. The sampled captions and the beams stayed the same
captions. On another machine rounding turned a caption of `scst-greedy` at step 4, and the later steps with it. That is
no fault, so a reward stage is held to TOLERANCE in its first SURE steps, and to TURNED in the others.

Dropout draws other masks with another PyTorch (2.6 and 2.14.1 do), so the curves with dropout are held where its masks
are those of 2.14.1. The `whole` runs have no dropout and are held everywhere: 2.6 and 2.14.1 agree to six digits.

Known blind spot: the gradient of the metric's run is never long enough to be clipped.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from captioner.cli import main

KEPT = Path(__file__).with_name("golden_curve.json")
TOLERANCE = {"loss": 1e-3, "grad_norm": 1e-3, "reward": 1e-3, "lr": 1e-9}
SURE, TURNED = 3, 0.1  # steps; share of the largest number of a curve
MASK = "0110111111111111111111111111111111101111"  # what dropout of .1 leaves of 40 numbers, seed 0
DIGITS = 9  # significant digits that are kept: those of a float32

SIZE = (
    "train --preset small --data scenes:count=16 --val-count 4 --val-every 1000 --save-every 1000 --log-every 1 "
    "--checker none --watch off --device cpu --model.d 32 --model.heads 2 --model.encoder-layers 1 "
    "--model.decoder-layers 1 --model.feedforward 64 --model.vocabulary 640 --decode.max-length 12 --decode.beams 2 "
    "--xe.steps 20 --xe.batch-size 16 --xe.lr 1e-2 --xe.warmup 0.2 "
    "--rl.steps 10 --rl.batch-size 4 --rl.samples 4 --rl.lr 2e-4"
)
XE = {"xe": "", "xe-smoothed": "--xe.label-smoothing 0.1"}
START = "--xe.steps 60"
WHOLE = {"whole": "--model.dropout 0"}
WHOLE_REWARDED = {"whole-scst": "--model.dropout 0 --reward cider --reward clips"}
REWARDED = {
    "scst": "--reward cider",
    "scst-greedy": "--reward clips --preset rennie",
    "scst-leave-one-out": "--reward cider --rl.candidates sample --rl.baseline leave_one_out --rl.kl 0.1",
    "grpo": "--reward clips --rl.candidates sample --rl.objective grpo --rl.updates 3 --rl.lr 2e-3",
    "dico": "--reward cider --rl.candidates sample --rl.objective dico --rl.kl 0.2 --rl.tau 5 "
    "--rl.normalise sum --rl.lr 2e-3",
}
METRIC = (
    "metric train --data scenes:count=64 --steps 10 --batch-size 32 --lr 2e-3 --warmup 0.2 --val-every 0 --device cpu"
)

Curves = dict[str, list[float]]


def captioned(folder: Path, name: str, flags: str, *more: str) -> Curves:
    """The curves of a run of `captioner train`, one number a step of its last stage."""
    assert main([*SIZE.split(), *flags.split(), *more, "--out", str(folder / name)]) == 0
    return curves(folder / name)


def without_dropout(folder: Path) -> dict[str, Curves]:
    """The curves of both stages without dropout. The reward stage begins with a run of its own."""
    captioned(folder, "whole-start", f"{WHOLE['whole']} {START}")
    start = ("--init", str(folder / "whole-start"))
    return {name: captioned(folder, name, flags) for name, flags in WHOLE.items()} | {
        name: captioned(folder, name, flags, *start) for name, flags in WHOLE_REWARDED.items()
    }


def tuned(folder: Path) -> Curves:
    """The curves of a run of `captioner metric train`. Figures before and after are of four pictures: they cost more
    than the steps."""
    lines = []
    for number in range(4):
        noise = random.Random(number).randbytes(3 * 64 * 64)
        Image.frombytes("RGB", (64, 64), noise).save(folder / f"{number}.png")
        lines.append(json.dumps({"image": f"{number}.png", "references": [f"picture {number}"]}))
    (folder / "val.jsonl").write_text("\n".join(lines))
    assert main([*METRIC.split(), "--val", str(folder / "val.jsonl"), "--out", str(folder / "metric")]) == 0
    return curves(folder / "metric")


def curves(run: Path) -> Curves:
    """Of a run folder, {"loss": [...], ...}: the quantities of TOLERANCE that its metrics.jsonl has."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    steps = [row for row in rows if "loss" in row]
    return {name: [rounded(row[name]) for row in steps] for name in TOLERANCE if name in steps[0]}


def rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def deviations(kept: Curves, now: Curves) -> dict[str, list[float]]:
    """|now - kept| of each step, as a share of the largest |kept| of the curve."""
    scale = {name: max(map(abs, curve)) or 1.0 for name, curve in kept.items()}
    return {name: [abs(a - b) / scale[name] for a, b in zip(now[name], kept[name])] for name in kept}


def moved(name: str, kept: Curves, now: Curves) -> list[str]:
    """A line for each curve of the run `name` that left its tolerance: where it did so first.

    From step SURE on, the captions of a reward stage may be others.
    """
    if {key: len(curve) for key, curve in kept.items()} != {key: len(curve) for key, curve in now.items()}:
        return [f"{name}: kept are {sorted(kept)}, now there are {sorted(now)}, or another number of steps"]
    lines = []
    for quantity, shares in deviations(kept, now).items():
        later = TURNED if name in REWARDED | WHOLE_REWARDED and quantity != "lr" else TOLERANCE[quantity]
        allowed = [TOLERANCE[quantity]] * SURE + [later] * len(shares)
        if far := [step for step, share in enumerate(shares) if not share <= allowed[step]]:
            first = far[0]
            numbers = f"{kept[quantity][first]:g} -> {now[quantity][first]:g}"
            lines.append(f"{name}: {quantity} moved at step {first + 1}: {numbers}; {len(far)} of {len(shares)} steps")
    return lines


@pytest.fixture
def same_masks() -> None:
    """Skips a test of a curve with dropout where dropout draws other masks."""
    torch.manual_seed(0)
    drawn = torch.nn.functional.dropout(torch.ones(40), 0.1) > 0
    if "".join(map(str, drawn.int().tolist())) != MASK:
        pytest.skip(f"dropout of PyTorch {torch.__version__} draws other masks than that of the kept curves")


@pytest.fixture(scope="module")
def kept() -> dict[str, Curves]:
    return json.loads(KEPT.read_text())


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> str:
    """The run that every reward stage begins with."""
    folder = tmp_path_factory.mktemp("golden")
    captioned(folder, "start", START)
    return str(folder / "start")


@pytest.mark.usefixtures("same_masks")
@pytest.mark.parametrize("name", XE)
def test_cross_entropy_has_not_moved(name, kept, tmp_path):
    assert not moved(name, kept[name], captioned(tmp_path, name, XE[name]))


def test_training_without_dropout_has_not_moved(kept, tmp_path):
    now = without_dropout(tmp_path)
    assert not [line for name in now for line in moved(name, kept[name], now[name])]


@pytest.mark.usefixtures("same_masks")
@pytest.mark.parametrize("name", REWARDED)
def test_the_reward_stage_has_not_moved(name, kept, start, tmp_path):
    assert not moved(name, kept[name], captioned(tmp_path, name, REWARDED[name], "--init", start))


def test_training_of_the_metric_has_not_moved(kept, tmp_path):
    assert not moved("metric", kept["metric"], tuned(tmp_path))


def test_every_kept_curve_says_something(kept):
    assert kept.keys() == {*XE, *WHOLE, *WHOLE_REWARDED, *REWARDED, "metric"}
    for name, run in kept.items():
        assert {"loss", "grad_norm", "lr"} | ({"reward"} if name in REWARDED | WHOLE_REWARDED else set()) == run.keys()
        assert all(len(set(curve)) > len(curve) / 2 for curve in run.values()), name


def test_a_curve_that_moves_is_named_with_its_step():
    before = {"loss": [1.0, 0.5, 0.25]}
    assert moved("xe", before, {"loss": [1.0, 0.5009, 0.25]}) == []  # 0.0009 of the largest, 1
    assert moved("xe", before, {"loss": [1.0, 0.502, 0.3]}) == [
        "xe: loss moved at step 2: 0.5 -> 0.502; 2 of 3 steps",
    ]
    assert moved("scst", {"reward": [1.0] * 5}, {"reward": [1.0, 1.0, 1.0, 0.95, 1.05]}) == []
    assert len(moved("scst", {"reward": [1.0] * 5}, {"reward": [1.0, 1.0, 0.95, 0.95, 0.95]})) == 1
    assert len(moved("scst", {"reward": [1.0] * 5}, {"reward": [1.0, 1.0, 1.0, 0.8, 1.0]})) == 1
    assert len(moved("xe", before, {"loss": [1.0, 0.5]})) == len(moved("xe", before, {"loss": [float("nan")] * 3})) == 1


def all_runs(folder: Path) -> dict[str, Curves]:
    captioned(folder, "start", START)
    plain = {name: captioned(folder, name, flags) for name, flags in XE.items()}
    rewarded = {
        name: captioned(folder, name, flags, "--init", str(folder / "start")) for name, flags in REWARDED.items()
    }
    return plain | without_dropout(folder) | rewarded | {"metric": tuned(folder)}


def renew() -> None:
    """Print the largest difference of every curve, and write the curves of now."""
    before = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        now = all_runs(Path(folder))
    for name in now:
        if name in before:
            shares = {quantity: max(shares) for quantity, shares in deviations(before[name], now[name]).items()}
            print(name.ljust(20), *(f"{quantity} {share:.1e}" for quantity, share in shares.items()))
            print(*moved(name, before[name], now[name]), sep="\n")
    KEPT.write_text(json.dumps(now, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(renew())
