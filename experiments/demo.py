"""The whole chain on the embedded world: a PAC-S++, a captioner by cross-entropy, three rewards, the comparison.

Paper: arXiv 2410.07336 in miniature, on drawn scenes.
Command: `make demo`, or `.venv/bin/python -m experiments.demo --out runs/demo`. A second call continues the first.
Cost: about 13 minutes of two CPU cores. No GPU and no network are needed.
Expect: each reward raises its own score above the score of cross-entropy. One seed at one learning rate shows that
the chain works. `experiments/ablation.py` shows the effect of the rewards over seeds and learning rates.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from experiments.commands import resume_flag, run_captioner, say, train

SCORES = "classic,text,clip,scene"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    out = parser.parse_args().out
    started = time.perf_counter()
    metric, xe = out / "metric", out / "xe"
    say("1/5 PAC-S++: LoRA on scenes-clip, with other pictures and other wordings of the same scene as positives")
    run_captioner("metric", "train", "--out", metric, *resume_flag(metric))
    say("2/5 captioner: cross-entropy")
    shared = ("--preset", "small", "--features", out / "features", "--pac", metric)
    train(xe, *shared)
    rewards = {"cider": "cider", "clips": "clips", "pacspp": f"pacspp:checkpoint={metric}"}
    for number, (name, spec) in enumerate(rewards.items(), 1):
        say(f"3/5 reward stage {number} of 3: --reward {spec}")
        train(out / name, "--init", xe, "--reward", spec, *shared)
    runs = [xe, *(out / name for name in rewards)]
    say("4/5 captions and scores of the test split")
    run_captioner("evaluate", *runs, "--scores", SCORES)
    say("5/5 comparison")
    run_captioner("compare", *runs, "--out", out / "comparison")
    say(f"done in {(time.perf_counter() - started) / 60:.1f} minutes; caption your own pictures with:")
    print(f"  .venv/bin/captioner caption --model {out / 'pacspp'} --images DIR --out captions.jsonl")


if __name__ == "__main__":
    main()
