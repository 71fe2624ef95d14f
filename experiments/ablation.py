"""The paper's claim in miniature: what CIDEr, CLIP-S and PAC-S++ do to captions, over seeds and pressures.

Source: arXiv 2410.07336, table of rewards, on the embedded scenes. One PAC-S++, an XE model a seed, then each reward
from that model at each learning rate, and with samples for beams.
Command: `.venv/bin/python experiments/ablation.py --out runs/ablation` (goes on where it stopped).
Cost: about 6 minutes a seed and 3 minutes a reward run on one core; `--jobs 2` runs two at a time.
Expect: each reward raises its own score. At a gentle learning rate CLIP-S harms little; under pressure its captions
become less grammatical, less true and more repetitive before PAC-S++'s do. What came of it: LOG.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from demo import again

from captioner.comparison.plots import over_gain, over_steps
from captioner.comparison.table import Comparison, Row, compare

# how hard a reward is pressed: beams as in the paper, gently and not; samples at a rate that stays up, harder still
PRESSURES: dict[str, tuple[object, ...]] = {
    "1e-4": ("--rl.lr", 1e-4, "--rl.steps", 300, "--val-every", 60),
    "3e-4": ("--rl.lr", 3e-4, "--rl.steps", 300, "--val-every", 60),
    "sampled-2e-4": ("--rl.candidates", "sample", "--rl.lr", 2e-4, "--no-rl.decay", "--rl.steps", 150)
    + ("--val-every", 50),
}
MEASURES = ("rep_4", "bad_endings", "scene_grammatical", "scene_truth", "scene_recall", "length")
SCORES = "classic,text,clip,scene,incorrect:checker=auto"  # grammar is checked at the end only: it takes a server
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


Settings: TypeAlias = tuple[Any, ...]
"The folder of a run, and its flags."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--pressures", default=",".join(PRESSURES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--metric", type=Path, help="a PAC-S++ that is trained already; else it is trained in --out")
    args = parser.parse_args()
    metric = args.metric or args.out / "metric"
    seeds, pressures = args.seeds.split(","), args.pressures.split(",")
    shared = ("--features", args.out / "features", "--pac", metric)
    rewards = {"cider": "cider", "clips": "clips", "pacspp": f"pacspp:checkpoint={metric}"}
    xe: list[Settings] = [(args.out / f"xe-{seed}", "--seed", seed, *shared, "--val-every", 400) for seed in seeds]
    tuned: list[Settings] = [
        (args.out / f"{name}-{pressure}-{seed}", "--seed", seed, *shared)
        + ("--init", args.out / f"xe-{seed}", "--reward", spec, *PRESSURES[pressure])
        for pressure in pressures
        for seed in seeds
        for name, spec in rewards.items()
    ]
    if not (metric / "report.json").exists():
        captioner("metric", "train", "--out", metric, *again(metric))
    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(run, xe))
        list(pool.map(run, tuned))
    runs = [settings[0] for settings in [*xe, *tuned]]
    captioner("compare", *runs, "--out", args.out / "comparison")
    report(compare(runs), args.out / "comparison" / "claim.md")


def run(settings: Settings) -> None:
    """One run, or the rest of it, and its scores on the test split."""
    out, *flags = settings
    if (out / "scores-test.json").exists():
        return
    captioner("train", "--out", out, *(again(out) or ["--preset", "small", "--checker", "none", *flags]))
    captioner("evaluate", out, "--scores", SCORES)


def captioner(*words: object) -> None:
    """One command in a process of its own, on one thread."""
    command = [sys.executable, "-m", "captioner", *map(str, words)]
    code = subprocess.run(command, env={**os.environ, **THREADS}).returncode
    if code:
        sys.exit(code)


def report(comparison: Comparison, path: Path) -> None:
    """Of each reward, what its own score gained; and CLIP-S minus PAC-S++: seed by seed."""
    rows = {row.label: row for row in comparison.rows}
    untrained = {run.seed: run.corpus for row in comparison.rows if not row.first.rewards for run in row.outcomes}
    lines = [
        "Mean ± standard deviation over seeds (each seed)",
        "",
        "## Gain over the XE model of the same seed, test",
        "",
    ]
    lines += [line for row in comparison.rows for line in gains(row, untrained)]
    for name, clips in rows.items():
        pacspp = rows.get(name.replace("CLIP-S", "PAC-S++"))
        if pacspp and pacspp is not clips:
            lines += ["", f"## CLIP-S minus PAC-S++: {name}", "", *finals(clips, pacspp), *contrasts(clips, pacspp)]
    path.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def gains(row: Row, untrained: dict[int, dict[str, float]]) -> list[str]:
    """A line for each score that the row was trained on."""
    trained = [score for score in row.scores if row.first.trained_on(score)]
    return [
        f"- {row.label}, {score}: {spread([run.corpus[score] - untrained[run.seed][score] for run in row.outcomes])}"
        for score in trained
    ]


def finals(clips: Row, pacspp: Row) -> list[str]:
    """At the end, on the test pictures."""
    pairs = {name: (clips.scores.get(name), pacspp.scores.get(name)) for name in (*MEASURES, "incorrect")}
    return [f"- {name}, test: {spread(np.subtract(a.values, b.values))}" for name, (a, b) in pairs.items() if a and b]


def contrasts(clips: Row, pacspp: Row) -> list[str]:
    """On the validation pictures, at equal steps and at equal gain in the trained score."""
    found = []
    for measure in MEASURES:
        a, b = over_steps(clips, measure), over_steps(pacspp, measure)
        if a and b:
            found.append(f"- {measure}, validation, step {a.x[-1]}: {spread(a.y[:, -1] - b.y[:, -1])}")
        a, b = over_gain(clips, measure), over_gain(pacspp, measure)
        if a and b:
            gain = min(a.x[-1], b.x[-1])
            first, second = (np.array([np.interp(gain, curve.x, seed) for seed in curve.y]) for curve in (a, b))
            found.append(
                f"- {measure}, validation, both at +{gain:.1f} % of the trained score: {spread(first - second)}"
            )
    return found


def spread(values: Sequence[float] | np.ndarray) -> str:
    each = ", ".join(f"{value:+.3f}" for value in values)
    return f"{np.mean(values):+.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f} ({each})"


if __name__ == "__main__":
    main()
