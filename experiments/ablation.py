"""The paper's claim in miniature: captions after training on CIDEr, CLIP-S or PAC-S++, over seeds and pressures.

Paper: arXiv 2410.07336, the table of rewards, on the embedded scenes. One PAC-S++ is trained, then a cross-entropy
model a seed. Each reward starts from that model at each learning rate, with beams and with samples.
Command: `.venv/bin/python -m experiments.ablation --out runs/ablation`. A second call continues an interrupted one.
Cost: on one core, about 6 minutes for each seed and 3 minutes for each reward run. `--jobs 2` runs two at a time.
Expect: each reward raises its own score. CLIP-S harms little at a gentle learning rate. Under pressure its captions
should become less grammatical, less true and more repetitive before those of PAC-S++. LOG.md has the results.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from captioner.comparison.plots import over_gain, over_steps
from captioner.comparison.table import Comparison, Row, compare
from experiments.arms import PRESSURES, over_seeds, train_and_score
from experiments.commands import resume_flag, run_apart

MEASURES = ("rep_4", "bad_endings", "scene_grammatical", "scene_truth", "scene_recall", "length")

Settings: TypeAlias = tuple[Any, ...]
"The folder of a run, then the flags of the run."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--pressures", default=",".join(PRESSURES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--metric", type=Path, help="folder of a trained PAC-S++; by default one is trained in --out")
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
        run_apart("metric", "train", "--out", metric, *resume_flag(metric))
    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(lambda run: train_and_score(*run), xe))
        list(pool.map(lambda run: train_and_score(*run), tuned))
    runs = [settings[0] for settings in [*xe, *tuned]]
    run_apart("compare", *runs, "--out", args.out / "comparison")
    report(compare(runs), args.out / "comparison" / "claim.md")


def report(comparison: Comparison, path: Path) -> None:
    """Writes and prints, seed by seed, the gain of each reward in its own score, and CLIP-S minus PAC-S++."""
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
    """The gains of a row over its XE models, a line for each score that the row was trained on."""
    trained = [score for score in row.scores if row.first.trained_on(score)]
    gained = {name: [run.corpus[name] - untrained[run.seed][name] for run in row.outcomes] for name in trained}
    return [f"- {row.label}, {name}: {over_seeds(values)}" for name, values in gained.items()]


def finals(clips: Row, pacspp: Row) -> list[str]:
    """CLIP-S minus PAC-S++ on the test pictures after the last step, a line for each measure."""
    pairs = {name: (clips.scores.get(name), pacspp.scores.get(name)) for name in (*MEASURES, "incorrect")}
    return [
        f"- {name}, test: {over_seeds(np.subtract(a.values, b.values))}" for name, (a, b) in pairs.items() if a and b
    ]


def contrasts(clips: Row, pacspp: Row) -> list[str]:
    """CLIP-S minus PAC-S++ on the validation pictures, at equal steps and at equal gain in the trained score."""
    lines = []
    for measure in MEASURES:
        a, b = over_steps(clips, measure), over_steps(pacspp, measure)
        if a and b:
            lines.append(f"- {measure}, validation, step {a.x[-1]}: {over_seeds(a.y[:, -1] - b.y[:, -1])}")
        a, b = over_gain(clips, measure), over_gain(pacspp, measure)
        if a and b:
            gain = min(a.x[-1], b.x[-1])
            first, second = (np.array([np.interp(gain, curve.x, seed) for seed in curve.y]) for curve in (a, b))
            lines.append(
                f"- {measure}, validation, both at +{gain:.1f} % of the trained score: {over_seeds(first - second)}"
            )
    return lines


if __name__ == "__main__":
    main()
