"""The counts of a decoding step and of a training step. `python -m tests.pretend` prints them as a table.

They are of small models. Waits and launches do not depend on the width of a model.

Axes: b pictures, k captions of each, p patches, f CLIP features.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from PIL import Image
from transformers.modeling_outputs import BaseModelOutput

from captioner.cli import main
from captioner.config import Model, Run
from captioner.decoding.fixed_shapes import FixedShapes
from captioner.decoding.generate import generate
from captioner.model.encoder_decoder import Captioner
from captioner.model.vocabulary import Vocabulary
from captioner.training import loop, opening
from experiments.benchmarks.reward_stage import new_bart
from metric.training import loop as metric_loop
from tests.pretend.counts import Counts, counted

SIZES = Model(d=32, heads=2, encoder_layers=1, decoder_layers=3, feedforward=64)
SHORT, LONG = 4, 20  # tokens of a caption; the difference of their counts is that of the steps between
B, P, F = 8, 9, 32
WORDS = ["a red dog runs on green grass under a blue sky", "two cats sleep in a small white house near the sea"]
DECODING = {
    "greedy": {"method": "greedy"},
    "beams": {"method": "beam", "k": 5},
    "beams without repeats": {"method": "beam", "k": 5, "no_repeat_ngram": 3},
    "diverse beams": {"method": "diverse_beam", "k": 5},
    "samples": {"method": "sample", "k": 5},
}
THEIRS = {"greedy": 1, "beams": 5}  # name of DECODING -> beams of transformers
TRAINING = {
    "cross-entropy": "--xe.steps 3",
    "SCST on CLIP-S": "--xe.steps 0 --rl.steps 3 --reward clips",
    "SCST on CIDEr": "--xe.steps 0 --rl.steps 3 --reward cider",
    "SCST, two rewards, KL": "--xe.steps 0 --rl.steps 3 --reward clips --reward cider --rl.kl 0.1 --rl.mix batch",
    "GRPO, 2 updates": "--xe.steps 0 --rl.steps 3 --reward clips --rl.objective grpo --rl.updates 2",
    "DiCO": "--xe.steps 0 --rl.steps 3 --reward clips --rl.objective dico --rl.kl 0.2 --rl.normalise sum",
}
METRIC = {"LoRA": "", "LoRA, negatives": "--negatives 2"}
FLAGS = (
    "--preset small --val-count 2 --val-every 9 --log-every 9 --watch off --checker none "
    "--model.d 16 --model.heads 2 --model.encoder-layers 1 --model.decoder-layers 2 --model.feedforward 32 "
    "--model.vocabulary 560 --decode.max-length 12 --xe.batch-size 4 --rl.batch-size 4 --rl.samples 3 "
    "--rl.candidates sample"
).split()
METRIC_FLAGS = "--batch-size 4 --steps 3 --val-every 0".split()
COLOURS = "red green blue white black yellow grey brown".split()


def endless(device: str) -> Captioner:
    """An untrained captioner whose captions do not end."""
    torch.manual_seed(0)
    vocabulary = Vocabulary.train(WORDS, 560)
    captioner = opening.untrained(SIZES, vocabulary, F, LONG, "none", "none")
    captioner.token.weight.data *= 20
    captioner.token.weight.data[vocabulary.eos] = -captioner.token.weight.data.abs().amax()
    return captioner.to(device).eval()


def of_decoding(how: dict, device: str = "pretend", fixed: bool = False) -> tuple[Counts, Counts]:
    """The counts of a whole caption of LONG tokens, and of one of its steps in the middle. `fixed`: of one shape."""
    captioner, features = endless(device), torch.randn(B, P, F).to(device)
    made = []
    for length in (SHORT, LONG):
        decoder = FixedShapes(captioner, length) if fixed else None
        with counted() as count:
            found = generate(captioner, features, max_length=length, decoder=decoder, **how)
        assert found.tokens.shape[-1] == length + 1
        made.append(count)
    return made[1], divided(made[1] - made[0], LONG - SHORT)


def of_transformers(beams: int, device: str = "pretend") -> tuple[Counts, Counts]:
    """The counts of `generate` of transformers, by a BART of the same sizes: of a whole caption, and of one step."""
    torch.manual_seed(0)
    bart = new_bart(Run(model=SIZES), 560).to(device)
    memory, made = torch.randn(B, P, SIZES.d).to(device), []
    how = {"num_beams": beams, "num_return_sequences": beams, "eos_token_id": None, "do_sample": False}
    for length in (SHORT, LONG):
        with counted() as count, torch.no_grad():
            found = bart.generate(encoder_outputs=BaseModelOutput(memory), max_new_tokens=length, **how)
            found.cpu()
        assert found.shape[-1] == length + 1
        made.append(count)
    return made[1], divided(made[1] - made[0], LONG - SHORT)


def divided(count: Counts, by: int) -> Counts:
    return Counts(*(round(value / by, 2) for value in vars(count).values()))


def squares(folder: Path) -> str:
    """A data set of eight pictures of one colour, with two captions of each."""
    folder.mkdir()
    lines = []
    for colour in COLOURS:
        Image.new("RGB", (16, 16), colour).save(folder / f"{colour}.png")
        captions = [f"a {colour} square on the wall", f"one {colour} thing is shown in the picture"]
        lines.append(json.dumps({"image": f"{colour}.png", "references": captions}))
    (folder / "squares.jsonl").write_text("\n".join(lines))
    return f"jsonl:file={folder / 'squares.jsonl'}"


def of_training(name: str, clip: str, data: str, out: Path) -> Counts:
    """The counts of the second step of `captioner train`, which is not logged."""
    words = ["train", *FLAGS, *TRAINING[name].split(), "--clip", clip, "--data", data, "--out", str(out)]
    return of_steps(loop, words)[1]


def of_metric(name: str, clip: str, data: str, out: Path) -> Counts:
    """The counts of the second step of `captioner metric train`."""
    words = ["metric", "train", *METRIC_FLAGS, *METRIC[name].split(), "--data", data, "--clip", clip, "--out", str(out)]
    return of_steps(metric_loop, words)[1]


def of_steps(module: object, words: list[str]) -> list[Counts]:
    """The counts of each step of a command. The step ends where its numbers are logged."""
    counts = []
    update: Callable = module.update  # type: ignore[attr-defined]

    def counting(*args: object) -> object:
        with counted() as count:
            found = update(*args)
            if module is metric_loop:
                found = {name: float(value) for name, value in found.items()}
        counts.append(count)
        return found

    with mock.patch.object(module, "update", counting):
        assert main(words) == 0
    return counts
