"""The whole chain on the embedded world: two metrics, a captioner by cross-entropy, four rewards, the comparison.

Paper: arXiv 2410.07336 in miniature, on drawn scenes, and a PAC-S++ that has hard text negatives too.
Command: `make demo`, or `.venv/bin/python -m experiments.demo --out runs/demo`. A second call continues the first.
`make demo-full` is the same chain with more steps (`--full`).
Cost: 5 to 6 minutes of two CPU cores, and about 20 in full. No GPU and no network are needed.
Expect: each reward raises its own score above the score of cross-entropy. One seed at one learning rate shows that
the chain works. `experiments/ablation.py` shows the effect of the rewards over seeds and learning rates.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from experiments.commands import resume_flag, run_captioner, say, train
from experiments.side_by_side import Part, run_parts

NAMES = {
    "xe": "XE",
    "cider": "+ CIDEr",
    "clips": "+ CLIP-S",
    "pacspp": "+ PAC-S++",
    "pacspp-hard": "+ PAC-S++ hard",
}
SPLIT = "test"
TITLE = "What a reward\ndoes to captions"
NOTE = (
    "The first test scenes to which all captioners give different captions. One seed. "
    "Figures at the left: all {count:,} test scenes."
)


class Size(NamedTuple):
    """Flags of each training, and about how many minutes two cores take for all."""

    metric: tuple[object, ...]
    hard: tuple[object, ...]
    xe: tuple[object, ...]
    reward: tuple[object, ...]
    minutes: int


SHORT = Size(
    metric=("--steps", 90, "--batch-size", 64),
    hard=("--steps", 100, "--batch-size", 64, "--method", "lora", "--rank", 4, "--alpha", 1, "--lr", 5e-3),
    xe=("--data", "scenes:count=4000", "--xe.steps", 600, "--val-every", 200, "--val-count", 60),
    reward=("--data", "scenes:count=4000", "--rl.steps", 70, "--val-every", 35, "--val-count", 60),
    minutes=6,
)
FULL = Size(metric=(), hard=("--steps", 450), xe=(), reward=(), minutes=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--full", action="store_true", help="more steps: about 20 minutes of two cores")
    args = parser.parse_args()
    out, size = args.out, FULL if args.full else SHORT
    say(f"two metrics, a captioner, four rewards and their comparison: about {size.minutes} minutes of two quiet cores")
    print("Ctrl-C stops it, and a second call goes on. Each part writes to", out / "logs", flush=True)
    started = time.perf_counter()
    run_parts(parts(out, size), out / "logs")
    report(out)
    say(f"done in {(time.perf_counter() - started) / 60:.1f} minutes")
    print(f"page:    {out / 'comparison' / 'index.html'}, with curves and a gallery, to open in a browser")
    print(f"picture: {out / 'captions.png'}")
    print("next, captions of drawn scenes that no run has seen:")
    print(f"  .venv/bin/captioner caption --model {out / 'pacspp'} --images scenes --split ood --out {out}/ood.jsonl")
    print("photographs take a captioner that was trained on photographs: docs/quickstart.md#your-own-photographs")


def parts(out: Path, size: Size) -> list[Part]:
    """The parts of the demo, in the order in which they are begun where several can be."""
    metric, hard, xe = out / "metric", out / "metric-hard", out / "xe"
    shared = ("--preset", "small", "--features", out / "features")
    rewards = {  # name -> reward, and the parts that must be done
        "cider": ("cider", ("xe",)),
        "clips": ("clips", ("xe",)),
        "pacspp": (f"pacspp:checkpoint={metric}", ("xe", "metric")),
        "pacspp-hard": (f"pacspp_hard:checkpoint={hard}", ("xe", "metric-hard")),
    }
    return [
        Part("xe", partial(train, xe, *shared, *size.xe)),
        Part("metric", partial(trained_metric, metric, *size.metric)),
        Part("metric-hard", partial(trained_metric, hard, "--preset", "pacspp_hard", *size.hard)),
        *(
            Part(name, partial(train, out / name, "--init", xe, "--reward", reward, *shared, *size.reward), after)
            for name, (reward, after) in rewards.items()
        ),
        *(
            Part(scores_of(name), partial(evaluated, out / name, metric, hard), (name, "metric", "metric-hard"))
            for name in NAMES
        ),
        Part(
            "compare",
            partial(run_captioner, "compare", *(out / name for name in NAMES), "--out", out / "comparison"),
            [scores_of(name) for name in NAMES],
        ),
    ]


def scores_of(name: str) -> str:
    """The name of the part that scores the run `name`."""
    return f"{name}: scores"


def trained_metric(out: Path, *flags: object) -> None:
    """Trains a PAC-S++ into `out`, or continues its training."""
    run_captioner("metric", "train", "--out", out, *(resume_flag(out) or flags))


def evaluated(run: Path, metric: Path, hard: Path) -> None:
    """Scores the test captions of a run by both metrics, once."""
    if not (run / f"scores-{SPLIT}.json").exists():
        clips = f"clip_s,ref_clip_s,pac_spp:checkpoint={metric},pac_spp_hard:checkpoint={hard}"
        run_captioner("evaluate", run, "--split", SPLIT, "--scores", f"classic,text,{clips},scene")


def report(out: Path) -> None:
    """Draws the card of captions, and prints scores of all runs and captions of three scenes."""
    from rich.console import Console

    from experiments.captions_card import draw_captions
    from experiments.demo_tables import show

    comparison = show({out / folder: name for folder, name in NAMES.items()}, SPLIT, Console(highlight=False))
    draw_captions(dict(zip(NAMES.values(), comparison.outcomes)), TITLE, NOTE, out / "captions.png")


if __name__ == "__main__":
    main()
