"""The pictures of README.md: captions under pressure with their faults marked, and the audit of the metrics.

Paper: arXiv 2410.07336, its figure of captions by reward, on the embedded scenes. The runs start from the demo's
cross-entropy model. Each reward is pressed harder than in the demo: five samples in place of beams, 150 steps at a
learning rate of 2e-4 that does not fall.
Command: `.venv/bin/python -m experiments.pictures --demo runs/demo --out runs/pictures`, after `make demo`. A second
call continues an interrupted one and draws again. The pictures are written to docs/pictures/.
Cost: about 12 minutes of one core after the demo.
Expect: cross-entropy and CIDEr give sentences. Under this pressure CLIP-S and PAC-S++ give repeated words.
`experiments/captions_card.py` chooses the four scenes, not a hand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from captioner.runs.outcome import read
from captioner.scoring.audit_plot import draw_audit
from experiments.arms import PRESSURES, train_and_score
from experiments.captions_card import SPLIT, draw_captions
from experiments.commands import run_captioner
from metric.judgement.audit import Audit, Row

NAMES = {"xe": "Cross-entropy", "cider": "+ CIDEr", "clips": "+ CLIP-S", "pacspp": "+ PAC-S++"}
METRICS = {"clip_s": "CLIP-S", "pac_spp": "PAC-S++", "reward:cider": "CIDEr reward"}
TITLE = "What a reward\ndoes to captions\nunder pressure"
NOTE = (
    "The first four test scenes to which the four models give four different captions. One seed. "
    "Figures at the left: all {count:,} test scenes.\n"
    "150 steps on each reward from the same cross-entropy model, pressed harder than in the demo: "
    "five samples, learning rate 2e-4 without decay."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, default=Path("runs/demo"), help="folder that `make demo` wrote")
    parser.add_argument("--out", type=Path, default=Path("runs/pictures"), help="folder for the runs under pressure")
    parser.add_argument("--pictures", type=Path, default=Path("docs/pictures"))
    args = parser.parse_args()
    runs = {"xe": args.demo / "xe", **press(args.demo, args.out)}
    audit = args.out / "audit"
    if not (audit / "audit.json").exists():
        metrics = f"clip_s,pac_spp:checkpoint={args.demo / 'metric'}"
        run_captioner("metric", "audit", "--data", "scenes", "--metrics", metrics, "--reward", "cider", "--out", audit)
    args.pictures.mkdir(parents=True, exist_ok=True)
    outcomes = {NAMES[name]: read(folder, SPLIT) for name, folder in runs.items()}
    draw_captions(outcomes, TITLE, NOTE, args.pictures / "captions.png")
    draw_audit(read_audit(audit / "audit.json"), args.pictures / "audit.png", METRICS)


def press(demo: Path, out: Path) -> dict[str, Path]:
    """Trains and scores a run for each reward, from the cross-entropy model of the demo. Returns name -> folder."""
    rewards = {"cider": "cider", "clips": "clips", "pacspp": f"pacspp:checkpoint={demo / 'metric'}"}
    shared = ("--seed", 0, "--features", demo / "features", "--pac", demo / "metric", "--init", demo / "xe")
    for name, reward in rewards.items():
        train_and_score(out / name, *shared, "--reward", reward, *PRESSURES["sampled-2e-4"])
    return {name: out / name for name in rewards}


def read_audit(path: Path) -> Audit:
    """The audit in a file of `captioner metric audit`."""
    record = json.loads(path.read_text(encoding="utf-8"))
    samples = {name: (sample["original"], sample["corrupted"]) for name, sample in record["samples"].items()}
    return Audit([Row(**row) for row in record["rows"]], samples)


if __name__ == "__main__":
    main()
