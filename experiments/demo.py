"""The whole chain on the embedded default: metric, XE, three rewards, comparison. `make demo`

Source: arXiv 2410.07336 in miniature, on drawn scenes. Cost: see README (two CPU cores, no GPU, no network).
Expect: each reward raises its own score above XE's. One seed at one learning rate shows that the chain works; what the
rewards do to captions over seeds and learning rates is in experiments/ablation.py and LOG.md.
A second call goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from captioner.cli import main as captioner

SCORES = "classic,text,clip,scene"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    out = parser.parse_args().out
    started = time.perf_counter()
    metric, xe = out / "metric", out / "xe"
    say("1/5 PAC-S++: LoRA on scenes-clip, with other pictures and other wordings of the same scene as positives")
    do("metric", "train", "--out", metric, *again(metric))
    say("2/5 captioner: cross-entropy")
    shared = ("--preset", "small", "--features", out / "features", "--pac", metric)
    train(xe, *shared)
    rewards = {"cider": "cider", "clips": "clips", "pacspp": f"pacspp:checkpoint={metric}"}
    for number, (name, spec) in enumerate(rewards.items(), 1):
        say(f"3/5 reward stage {number} of 3: --reward {spec}")
        train(out / name, "--init", xe, "--reward", spec, *shared)
    runs = [xe, *(out / name for name in rewards)]
    say("4/5 captions and scores of the test split")
    do("evaluate", *runs, "--scores", SCORES)
    say("5/5 comparison")
    do("compare", *runs, "--out", out / "comparison")
    say(f"done in {(time.perf_counter() - started) / 60:.1f} minutes; caption your own pictures with:")
    print(f"  .venv/bin/captioner caption --model {out / 'pacspp'} --images DIR --out captions.jsonl")


def train(out: Path, *flags: object) -> None:
    """A run, or the rest of it."""
    do("train", "--out", out, *(again(out) or flags))


def again(out: Path) -> list[str]:
    return ["--resume"] if (out / "config.json").exists() else []


def do(*words: object) -> None:
    code = captioner([str(word) for word in words])
    if code:
        sys.exit(code)


def say(line: str) -> None:
    print(f"\n== {line}", flush=True)


if __name__ == "__main__":
    main()
