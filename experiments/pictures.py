"""The pictures of README.md: captions under pressure with their faults marked, and the audit of the metrics.

Paper: arXiv 2410.07336, its figure of captions by reward, on the embedded scenes. The runs start from the demo's
cross-entropy model. Each reward is pressed harder than in the demo: five samples in place of beams, 150 steps at a
learning rate of 2e-4 that does not fall.
Command: `.venv/bin/python -m experiments.pictures --demo runs/demo --out runs/pictures`, after `make demo`. A second
call continues an interrupted one and draws again. The pictures are written to docs/pictures/.
Cost: about 12 minutes of one core after the demo.
Expect: cross-entropy and CIDEr give sentences. Under this pressure CLIP-S and PAC-S++ give repeated words.
The four scenes are chosen by `first_different`, not by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image

from captioner.comparison.caption_card import Line, caption_card, marked
from captioner.data import load
from captioner.runs.outcome import Outcome, read
from captioner.scoring.audit_plot import draw_audit
from experiments.arms import PRESSURES, train_and_score
from experiments.commands import run_captioner
from metric.judgement.audit import Audit, Row
from metric.scenes.draw import draw
from metric.scenes.world import Scene

SPLIT, COUNT, SIDE = "test", 4, 480  # scenes of the card, pixels that a scene is drawn with
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
    draw_captions({name: read(folder, SPLIT) for name, folder in runs.items()}, args.pictures / "captions.png")
    draw_audit(read_audit(audit / "audit.json"), args.pictures / "audit.png", METRICS)


def press(demo: Path, out: Path) -> dict[str, Path]:
    """Trains and scores a run for each reward, from the cross-entropy model of the demo. Returns name -> folder."""
    rewards = {"cider": "cider", "clips": "clips", "pacspp": f"pacspp:checkpoint={demo / 'metric'}"}
    shared = ("--seed", 0, "--features", demo / "features", "--pac", demo / "metric", "--init", demo / "xe")
    for name, reward in rewards.items():
        train_and_score(out / name, *shared, "--reward", reward, *PRESSURES["sampled-2e-4"])
    return {name: out / name for name in rewards}


def draw_captions(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Draws the card of captions, in 256 colours so that the file is small."""
    first = next(iter(outcomes.values()))
    scenes = {
        example.id: example.image for example in load(first.config["data"], SPLIT) if isinstance(example.image, Scene)
    }
    chosen = first_different([outcome.captions for outcome in outcomes.values()], COUNT)
    lines = [
        Line(NAMES[name], facts(outcome), [marked(outcome.captions[key], scenes[key]) for key in chosen])
        for name, outcome in outcomes.items()
    ]
    card = caption_card(TITLE, [draw(scenes[key], SIDE) for key in chosen], lines, NOTE.format(count=first.count))
    card.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def first_different(captions: Sequence[Mapping[str, str]], count: int) -> list[str]:
    """The ids of the first scenes, in the order of the split, to which all captioners give different captions."""
    different = (
        key for key in sorted(captions[0]) if len({caption_of[key] for caption_of in captions}) == len(captions)
    )
    return list(islice(different, count))


def facts(outcome: Outcome) -> list[str]:
    """Three facts about the captions of a run, over all scenes."""
    scores = outcome.corpus
    return [
        f"{scores['scene_grammatical']:.0f} % grammatical",
        f"{scores['scene_truth']:.0f} % of claims true",
        f"{scores['rep_4']:.2f} repeats (Rep-4)",
    ]


def read_audit(path: Path) -> Audit:
    """The audit in a file of `captioner metric audit`."""
    record = json.loads(path.read_text(encoding="utf-8"))
    samples = {name: (sample["original"], sample["corrupted"]) for name, sample in record["samples"].items()}
    return Audit([Row(**row) for row in record["rows"]], samples)


if __name__ == "__main__":
    main()
