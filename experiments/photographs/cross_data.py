"""Metrics of one photo CLIP that saw drawn scenes, photographs, or both, each judged on data of all kinds.

All see as many pictures, for as many steps, without generated pictures: photographs have none here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from captioner.data import load
from experiments.commands import run_captioner, say
from experiments.photographs.metrics import PLACES
from experiments.photographs.trust import RESAMPLES
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.example import Example
from metric.positives.sources import Positives, ReferencePositives, ScenePositives
from metric.scenes.world import Scene
from metric.storage.atomic_files import write, write_json
from metric.training.clip_quality import appraise
from metric.training.config import PRESETS, MetricConfig
from metric.training.finetune import train_metric

PICTURES, TESTED = 3000, 1000
SPLITS = {"scenes": ("scenes", "test"), "scenes, unseen combinations": ("scenes", "ood"), "photographs": ("", "test")}
HEADS = ("trained on", "judged on", "R@1 picture to text", "R@1 text to picture", "tau-b")


class EitherPositives:
    """The renderer's positives for scenes, other references for photographs. No picture is generated."""

    def image(self, example: Example, caption: str, rng: random.Random) -> None:
        return None

    def text(self, example: Example, caption: str, rng: random.Random) -> str | None:
        source: Positives = ScenePositives() if isinstance(example.image, Scene) else ReferencePositives()
        return source.text(example, caption, rng)


def cross(photographs: str, flickr8k: Path, clip: Path, out: Path, seed: str, steps: int, precision: str) -> None:
    """Trains the three metrics, judges them and the CLIP, and writes out/cross-data.md. What is finished is left."""
    trained = {"nothing (CLIP-S)": clip}
    for name, examples in training(photographs).items():
        trained[name] = out / f"{name}-{seed}"
        if not (trained[name] / "report.json").exists():
            say(f"metric of {name}")
            config = MetricConfig(
                **PRESETS["pacspp"]
                | {"clip": str(clip), "steps": steps, "seed": int(seed), "targets": PLACES, "lambda_v": 0.0}
                | {"batch_size": 64, "precision": precision}
            )
            resume = (trained[name] / "config.json").exists()
            train_metric(config, examples, load(photographs, "val")[:500], EitherPositives(), trained[name], resume)
    for name, folder in trained.items():
        judged(folder, photographs, out / f"{name.split()[0]}-{seed}.json")
    people(trained, flickr8k, out / f"people-{seed}.json")
    text = "\n".join(table(trained, out, seed)) + "\n"
    write(out / "cross-data.md", text)
    print(text)


def training(photographs: str) -> dict[str, list[Example]]:
    """The training examples of each metric, as many for each."""
    scenes, photos = load("scenes", "train")[:PICTURES], load(photographs, "train")[:PICTURES]
    return {"scenes": scenes, "photographs": photos, "both": [*scenes[::2], *photos[::2]]}


def judged(folder: Path, photographs: str, out: Path) -> None:
    """Writes the figures of a CLIP on each data set."""
    if not out.exists():
        embedder = Embedder(load_clip(str(folder)))
        found = {
            name: appraise(embedder, load(data or photographs, split)[:TESTED])
            for name, (data, split) in SPLITS.items()
        }
        write_json(out, found)


def people(trained: dict[str, Path], flickr8k: Path, out: Path) -> None:
    """Writes the agreement with the people of Flickr8k-Expert."""
    if not out.exists():
        clip, *metrics = trained.values()
        specs = ",".join([f"clip_s:clip={clip}", *(f"pac_spp:checkpoint={folder}" for folder in metrics)])
        benchmark = ("--benchmark", "flickr8k-expert", "--root", flickr8k, "--resamples", RESAMPLES)
        run_captioner("metric", "judge", *benchmark, "--metrics", specs, "--out", out)


def table(trained: dict[str, Path], out: Path, seed: str) -> Iterator[str]:
    """A row for each metric and data set in Markdown. tau-b is that with exact quality on scenes, then with people."""
    agreed = json.loads((out / f"people-{seed}.json").read_text())["metrics"]
    yield from ("| " + " | ".join(HEADS) + " |", "|---|---|" + "---:|" * 3)
    for (name, _), row in zip(trained.items(), agreed.values(), strict=True):
        found = json.loads((out / f"{name.split()[0]}-{seed}.json").read_text())
        for data, figures in found.items():
            yield line((name, data), (figures["i2t_r1"], figures["t2i_r1"], figures.get("tau_b", row["tau_b"])))


def line(names: Sequence[str], values: Sequence[float]) -> str:
    return f"| {' | '.join([*names, *(f'{value:.3f}' for value in values)])} |"
