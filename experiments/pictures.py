"""The pictures of README.md: captions under pressure with their faults marked, and the audit of the metrics.

Paper: arXiv 2410.07336, its figure of captions by reward, on the embedded scenes and with the hardened metric. The
runs are those of one seed of the pressure bench: five samples, 150 steps at a learning rate of 2e-4 that does not fall.
Command: `.venv/bin/python -m experiments.pictures --bench runs/pressure --metrics runs/metrics`, after
`experiments.pressure` with the arms cider, clips, pacspp and hard. The pictures are written to docs/pictures/.
Cost: about 4 minutes of one core for the audit, once.
Expect: cross-entropy, CIDEr and the hardened PAC-S++ give sentences. CLIP-S and PAC-S++ break some of theirs.
`experiments/captions_card.py` chooses the four scenes, not a hand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from captioner.runs.outcome import read
from captioner.scoring.audit_plot import draw_audit
from experiments.captions_card import SPLIT, draw_captions
from experiments.commands import run_captioner
from metric.judgement.audit import Audit, Row

ARMS = {"cider": "+ CIDEr", "clips": "+ CLIP-S", "pacspp": "+ PAC-S++", "hard": "+ PAC-S++ hard"}
PRESSURE = "sampled-2e-4"
METRICS = {
    "clip_s": "CLIP-S",
    "pac_spp": "PAC-S++",
    "pac_spp_hard": "PAC-S++ hard",
    "reward:cider": "CIDEr reward",
}
TITLE = "What a reward\ndoes to captions\nunder pressure"
NOTE = (
    "The first four test scenes to which the five models give five different captions. Seed {seed}. "
    "Figures at the left: all {{count:,}} test scenes.\n"
    "150 steps on each reward from the same cross-entropy model: five samples, learning rate 2e-4 without decay."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, default=Path("runs/pressure"), help="folder of experiments.pressure")
    parser.add_argument("--metrics", type=Path, default=Path("runs/metrics"), help="folder of the tuned CLIPs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path, default=Path("docs/pictures"))
    args = parser.parse_args()
    audit = args.bench / "audit"
    if not (audit / "audit.json").exists():
        pac, hard = args.metrics / "pacspp", args.metrics / "hard"
        metrics = f"clip_s,pac_spp:checkpoint={pac},pac_spp_hard:checkpoint={hard}"
        run_captioner("metric", "audit", "--data", "scenes", "--metrics", metrics, "--reward", "cider", "--out", audit)
    args.pictures.mkdir(parents=True, exist_ok=True)
    folders = {"Cross-entropy": args.bench / f"xe-{args.seed}"}
    folders |= {name: args.bench / f"{arm}-{PRESSURE}-{args.seed}" for arm, name in ARMS.items()}
    outcomes = {name: read(folder, SPLIT) for name, folder in folders.items()}
    draw_captions(outcomes, TITLE, NOTE.format(seed=args.seed), args.pictures / "captions.png")
    draw_audit(read_audit(audit / "audit.json"), args.pictures / "audit.png", METRICS)


def read_audit(path: Path) -> Audit:
    """The audit in a file of `captioner metric audit`."""
    record = json.loads(path.read_text(encoding="utf-8"))
    samples = {name: (sample["original"], sample["corrupted"]) for name, sample in record["samples"].items()}
    return Audit([Row(**row) for row in record["rows"]], samples)


if __name__ == "__main__":
    main()
