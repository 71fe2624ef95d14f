"""The captioner's commands on an accelerator: objectives, rewards, precisions, resume, captions, features."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from captioner.cli import main
from captioner.decoding import generate as decoding
from captioner.features.patch_features import grid_features
from captioner.training import objectives, step_batches
from metric.clip.load import load_clip
from tests.pretend.plugin import HERE

ONE_STEP = "--xe.steps 1 --rl.steps 1 --val-count 2 --val-every 9 --save-every 9".split()
REWARDS = {
    "scst-beams": "--reward clips --rl.candidates beam",
    "scst-greedy": "--reward clips --rl.baseline greedy --rl.kl 0.1",
    "scst-leave-one-out": "--reward refclips --rl.baseline leave_one_out --rl.mix picture",
    "scst-mean": "--reward clips --rl.baseline mean --rl.candidates diverse_beam",
    "scst-mix": "--reward clips --reward cider --rl.mix batch --rl.xe-weight 0.5",
    "grpo": "--reward clips --rl.objective grpo --rl.updates 2 --precision bf16",
    "fp16": "--reward clips:precision=fp16 --precision fp16",
    "dico": "--reward cider --rl.objective dico --rl.kl 0.2 --rl.normalise sum",
    "tuned": "--reward {tuned}:checkpoint={clip} --reward clips:precision=bf16 --accumulate 2",
}


def trained(out: Path, flags: list[str], *more: str) -> dict[str, torch.Tensor]:
    """The weights of a run of `captioner train`."""
    assert main(["train", *flags, *more, "--out", str(out)]) == 0
    return weights(out)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "last" / "model.safetensors")


def losses(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.fixture(scope="module")
def flags(tiny_flags, squares_data) -> list[str]:
    """The flags of a run of milliseconds a step, on the pictures of squares."""
    return [*tiny_flags, *ONE_STEP, "--data", squares_data]


@pytest.fixture(scope="module")
def start(flags, tmp_path_factory) -> str:
    """A run of cross-entropy on the accelerator."""
    out = tmp_path_factory.mktemp("start") / "run"
    trained(out, flags, "--xe.drop-features", "0.3")
    return str(out)


def test_cross_entropy_in_bf16_is_near_that_of_the_cpu(flags, tmp_path):
    """The first weights of a seed are others, probably since open_clip draws those of a CLIP there."""
    few = ["--xe.steps", "3", "--model.dropout", "0", "--precision", "bf16", "--features", "online"]
    for device in ("auto", "cpu"):
        trained(tmp_path / device, flags, *few, "--device", device)
    assert losses(tmp_path / "auto") == pytest.approx(losses(tmp_path / "cpu"), rel=2e-2)


def test_beams_and_their_rewards_are_those_of_the_cpu(flags, tmp_path, start):
    for device in ("auto", "cpu"):
        trained(tmp_path / device, flags, "--init", start, *REWARDS["scst-beams"].split(), "--device", device)
    assert losses(tmp_path / "auto") == pytest.approx(losses(tmp_path / "cpu"), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in REWARDS if name != "scst-beams"])
def test_every_objective_learns(name, flags, tmp_path, start, tiny_clip):
    reward = REWARDS[name].format(tuned="pacspp", clip=tiny_clip).split()
    after = trained(tmp_path / "run", flags, "--init", start, "--rl.lr", "1e-3", *reward)
    before = weights(Path(start))
    assert any(not torch.equal(after[key], before[key]) for key in before)
    assert all(values.isfinite().all() for values in after.values())


@pytest.fixture(scope="module")
def unbroken(flags, tmp_path_factory) -> Path:
    """A run of both stages, with a checkpoint of each step."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    steps = "--xe.steps 3 --rl.steps 3 --save-every 1 --keep 9 --rl.lr 1e-3 --reward clips --reward cider".split()
    trained(out, flags, *steps)
    return out


@pytest.mark.parametrize("at", ["xe-000002", "reward-000001"])
def test_a_resumed_run_is_the_unbroken_one(at, unbroken, tmp_path):
    assert same_after_a_kill(unbroken, at, tmp_path / "run")


def same_after_a_kill(unbroken: Path, at: str, broken: Path) -> bool:
    """Whether a run that was killed after the checkpoint `at` and resumed has the weights of the unbroken one."""
    shutil.copytree(unbroken, broken)
    cut_back(broken, at)
    assert main(["train", "--out", str(broken), "--resume"]) == 0
    return all(torch.equal(weights(unbroken)[name], values) for name, values in weights(broken).items())


def cut_back(run: Path, at: str) -> None:
    """As if the run had been killed after the checkpoint `at`."""
    places = [
        folder for folder in (run / "checkpoints").iterdir() if folder.name.startswith(("xe-", "reward-", "last"))
    ]
    order = [*sorted(folder.name for folder in places if folder.name.startswith("xe-0"))]
    order += [*sorted(folder.name for folder in places if folder.name.startswith("reward-0")), "last"]
    for name in order[order.index(at) + 1 :]:
        shutil.rmtree(run / "checkpoints" / name)
    (run / "checkpoints" / at).rename(run / "checkpoints" / "last")


def test_evaluation_and_captions_are_those_of_the_cpu(start, pictures, tmp_path):
    captions = {}
    for device in ("auto", "cpu"):
        out = tmp_path / f"{device}.jsonl"
        given = ["--model", start, "--images", str(pictures), "--device", device, "--out", str(out)]
        assert main(["caption", *given, "--beams", "2", "--guidance", "1.5"]) == 0
        captions[device] = [json.loads(line)["caption"] for line in out.read_text().splitlines()]
        assert main(["evaluate", start, "--scores", "clip,cider", "--device", device, "--as", device]) == 0
    assert captions["auto"] == captions["cpu"] and len(captions["cpu"]) == 9
    scores = [
        json.loads((Path(start) / f"scores-test@{device}.json").read_text())["corpus"] for device in ("auto", "cpu")
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


@pytest.mark.parametrize(
    "how",
    [
        "--best-of 3 --reward clips",
        "--method sample --n 2 --top-p 0.9 --temperature 0.7",
        "--method greedy --no-repeat-ngram 2",
    ],
)
def test_captions_are_made_in_every_way(how, start, pictures, tmp_path):
    given = ["--model", start, "--images", str(pictures), "--out", str(tmp_path / "c.jsonl")]
    assert main(["caption", *given, *how.split()]) == 0
    assert len((tmp_path / "c.jsonl").read_text().splitlines()) >= 9


def test_features_are_those_of_the_cpu(tiny_clip, squares_data, tmp_path):
    for device in ("auto", "cpu"):
        words = ["features", squares_data, "--clip", tiny_clip, "--device", device]
        assert main([*words, "--out", str(tmp_path / device)]) == 0
    pixels = torch.randn(2, 3, 16, 16)
    here = grid_features(load_clip(tiny_clip, HERE), pixels)
    assert here.device.type == HERE
    torch.testing.assert_close(here.cpu(), grid_features(load_clip(tiny_clip), pixels), rtol=1e-4, atol=1e-5)


MUTATIONS = {
    "the features of a batch": (step_batches.Reader, "features_of", []),
    "the log-probabilities of tokens": (objectives, "sequence_log_probabilities", ["--reward", "clips"]),
    "their sums": (objectives, "pooled", ["--reward", "clips"]),
}


@pytest.mark.parametrize("place", MUTATIONS)
def test_a_tensor_left_on_the_cpu_is_caught(place, flags, tmp_path, monkeypatch, start):
    owner, name, more = MUTATIONS[place]
    function = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **kwargs: function(*args, **kwargs).cpu())
    words = ["train", *flags, *(more and ["--init", start, *more]), "--out", str(tmp_path / "run")]
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        main(words)


def test_a_choice_of_the_decoder_that_is_on_the_cpu_is_caught(start, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "likeliest", lambda logits, done: logits.argmax(-1).cpu())
    given = ["--model", start, "--images", str(pictures), "--out", str(tmp_path / "c.jsonl"), "--method", "greedy"]
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        main(["caption", *given])
