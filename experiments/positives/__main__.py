"""Ablations of synthetic positives and of LoRA's rank, over seeds: tau-b, retrieval, audit.

Paper: arXiv 2410.07336, ablations of PAC-S++, on the embedded scenes. Positives are made once and recorded, so that
all arms read the same. `arms.py` lists the arms: kinds and weights of positives, positives of another picture, shares
that the filter drops, other makers, ranks in PEFT's and in the authors' form.
Command: `.venv/bin/python -m experiments.positives --out runs/positives`. A second call continues an interrupted one.
`--captioner RUN` is a run of the small size, whose captions are the t' of one arm.
Cost: two minutes of one core for an arm and a seed, `--jobs 2` runs two at a time.
Expect: experiments/LOG.md has what was measured.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from experiments.commands import resume_flag, run_apart, say
from experiments.positives.arms import ARMS, GROUPS
from experiments.positives.made import positives
from experiments.positives.table import Figures, write_table

Cell = tuple[str, str]  # seed and name of an arm
CORRUPTED = 300  # pictures of the audit


def main() -> None:
    args = arguments()
    chosen = [name for group in args.groups.split(",") for name in group_of(group)]
    folders = {name: made(name, args) for name in chosen}
    cells = [(seed, name) for seed, name in product(args.seeds.split(","), chosen)]
    with ThreadPoolExecutor(args.jobs) as pool:
        found = list(pool.map(lambda cell: run(cell, folders, args), cells))
    before = report_of(folder_of(cells[0], args.out))["before"] | audited("clip_s", args.out / "before")
    write_table(args.table, before, dict(zip(cells, found)), args.steps, args.batch_size)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/positives"))
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--captioner", type=Path, default=Path("runs/demo/xe"))
    parser.add_argument("--groups", default=",".join(GROUPS), help="groups of arms: " + ", ".join(GROUPS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--table", type=Path, default=Path(__file__).parent.parent / "results" / "positives.md")
    return parser.parse_args()


def group_of(name: str) -> Sequence[str]:
    if name not in GROUPS:
        raise SystemExit(f"no group {name!r}; type some of {', '.join(GROUPS)}")
    return list(GROUPS[name])


def made(name: str, args: argparse.Namespace) -> Path:
    say(f"positives of: {name}")
    return positives(ARMS[name].recipe, args.data, args.captioner, args.out / "made")


def run(cell: Cell, folders: Mapping[str, Path], args: argparse.Namespace) -> Figures:
    """Trains or continues one metric, and returns its figures on test scenes and in the audit."""
    (seed, name), out = cell, folder_of(cell, args.out)
    if not (out / "report.json").exists():
        size = ("--steps", args.steps, "--batch-size", args.batch_size, "--val-every", 0)
        chosen = ("--data", args.data, "--positives", folders[name], "--seed", seed, "--precision", "bf16")
        run_apart("metric", "train", "--out", out, *(resume_flag(out) or (*chosen, *ARMS[name].flags, *size)))
    return report_of(out)["after"] | audited(f"pac_spp:checkpoint={out}", out)


def folder_of(cell: Cell, out: Path) -> Path:
    seed, name = cell
    return out / f"{re.sub('[^a-z0-9]+', '-', name)}-{seed}"


def report_of(out: Path) -> dict[str, Figures]:
    """The figures of a metric on test scenes, `before` and `after` its training."""
    return json.loads((out / "report.json").read_text())


def audited(score: str, out: Path) -> Figures:
    """For each kind of the audit the percent of pairs whose corrupted caption scores higher, on validation scenes."""
    if not (out / "audit" / "audit.json").exists():
        run_apart("metric", "audit", "--metrics", score, "--count", CORRUPTED, "--out", out / "audit")
    rows = json.loads((out / "audit" / "audit.json").read_text())["rows"]
    return {row["corruption"]: 100 * row["higher"] for row in rows if row["count"]}


if __name__ == "__main__":
    main()
