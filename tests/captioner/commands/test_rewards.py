"""`captioner rewards`, and what training says when a reward cannot be used: exit code 2 and one line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from PIL import Image

from captioner.cli import main
from rewards import register, registry
from rewards.registry import BUILT_IN


@pytest.fixture
def broken(monkeypatch):
    """The reward `broken`, which breaks its contract as it is told."""
    monkeypatch.setattr(registry, "ENTRIES", dict(registry.ENTRIES))

    @register("broken")
    def build(context, how: str = "nan"):
        def reward(examples, captions):
            values = torch.zeros(len(captions), len(captions[0]))
            return {"nan": values.index_fill(1, torch.tensor([1]), torch.nan), "shape": values[:, 0]}[how]

        return reward


@pytest.fixture
def refused(tmp_path, tiny_flags, capfd) -> Callable[..., str]:
    """Trains with flags that must fail; returns the one line it says after its progress."""

    def refused(*flags: str) -> str:
        assert main(["train", *tiny_flags, "--xe.steps", "1", *flags, "--out", str(tmp_path / "run")]) == 2
        *steps, said = capfd.readouterr().err.splitlines()
        others = [line for line in steps if " step " not in line and "caution: " not in line]
        assert not others and said.startswith("captioner: "), [*others, said]
        return said

    return refused


def test_the_list_has_every_reward_with_options_and_needs(capsys):
    assert main(["rewards"]) == 0
    said = capsys.readouterr().out
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()}
    assert set(BUILT_IN) <= set(lines)
    assert "n=4" in lines["repetition"] and "references" in lines["rouge_l"] and "checker=" in lines["grammar"]
    assert "Java 17" in said and "weights: " in said and "captioner rewards NAME" in said


def test_one_reward_is_told_in_full(capsys):
    assert main(["rewards", "PAC-S++"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("--reward pacspp:checkpoint=STR,w=2.0,scale=1.0,precision=fp32,long=STR\n")
    assert "2410.07336" in said and "needs weights: " in said


def test_a_misspelt_reward_gets_a_suggestion(capsys):
    assert main(["rewards", "bad_ending"]) == 2
    assert "did you mean bad_endings?" in capsys.readouterr().err


def test_a_reward_that_is_not_a_number_is_named_with_the_caption(broken, refused):
    said = refused("--reward", "broken", "--rl.steps", "1", "--watch", "off")
    assert "reward broken must be finite, got nan for the caption '" in said and "' of train-" in said


def test_a_reward_of_the_wrong_shape_is_named(broken, refused):
    said = refused("--reward", "broken:how=shape", "--rl.steps", "1", "--watch", "off")
    assert "reward broken must return a float32 tensor of shape (images, captions) = (4, 3)" in said


def test_weights_that_are_all_zero_are_refused_before_anything_is_trained(refused, tmp_path):
    said = refused("--reward", "cider:weight=0", "--reward", "length:weight=0")
    assert "all rewards are zero" in said and "--reward cider:weight=1" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("reward", ["cider", "bleu4", "rouge_l", "refclips"])
def test_a_reward_that_needs_references_is_refused_where_there_are_none(refused, tmp_path, reward):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "data.jsonl").write_text(json.dumps({"image": "a.png"}) + "\n")
    said = refused("--data", f"jsonl:file={tmp_path / 'data.jsonl'}", "--reward", reward)
    assert f"reward {reward} needs references, and 1 of 1 examples have none" in said
