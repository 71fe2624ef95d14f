"""The choice of the model by a validation score: what is kept, what the reward stage begins with, and resume."""

from __future__ import annotations

import json
from math import sin
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.training import loop
from captioner.training.validation import Validation
from metric.storage.checkpoint_folders import Position, position


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.fixture(autouse=True)
def restless(monkeypatch):
    """CLIP-S of the validation pictures becomes a number that rises and falls with training, but not with rounding."""

    def scored(self, captioner, *rest, original=Validation.scored):
        scores, samples = original(self, captioner, *rest)
        weight = sum(float(weights.detach().double().sum()) for weights in captioner.parameters())
        return scores | {"clip_s": sin(1e2 * weight)}, samples

    monkeypatch.setattr(Validation, "scored", scored)


@pytest.fixture
def flags(tiny_flags) -> list[str]:
    steps = "--xe.steps 6 --rl.steps 6 --val-every 1 --save-every 4 --rl.lr 1e-3 --keep-best CLIP-S"
    return ["train", *tiny_flags, *steps.split()]


def curve(out: Path, stage: str) -> dict[int, float]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["val/clip_s"] for row in rows if row["stage"] == stage and "captions" in row}


def weights(out: Path, name: str) -> bytes:
    return (out / "checkpoints" / name / "model.safetensors").read_bytes()


def best_step(out: Path, stage: str) -> int:
    values = curve(out, stage)
    return max(values, key=values.get)


def test_each_stage_keeps_its_best_and_the_reward_stage_begins_with_that_of_cross_entropy(flags, tmp_path):
    out = tmp_path / "run"
    assert main([*flags, "--reward", "length", "--out", str(out)]) == 0
    assert position(out / "checkpoints/xe-best") == Position("xe", best_step(out, "xe"))
    assert position(out / "checkpoints/best") == Position("reward", best_step(out, "reward"))
    assert best_step(out, "xe") < 6  # else the best would be the last anyway
    assert curve(out, "reward")[0] == curve(out, "xe")[best_step(out, "xe")]
    assert weights(out, "xe-best") == weights(out, "reference")
    signature = json.loads((out / "config.json").read_text())["signature"]
    assert "+xe[label_smoothing=0.0]+keep_best=clip_s+" in signature


def test_a_killed_run_begins_its_reward_stage_with_the_same_model_again(flags, tmp_path, monkeypatch):
    def update(session, now, number, original=loop.update):
        if (now.name, number) == ("reward", 3):  # a model of the reward stage is kept, and no checkpoint is
            raise Killed
        return original(session, now, number)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main([*flags, "--reward", "length", "--out", str(whole)]) == 0
    with monkeypatch.context() as patched:
        patched.setattr(loop, "update", update)
        with pytest.raises(Killed):
            main([*flags, "--reward", "length", "--out", str(broken)])
    assert main(["train", "--out", str(broken), "--resume"]) == 0
    for name in ("last", "best", "xe-best"):
        assert weights(broken, name) == weights(whole, name)
    assert curve(broken, "reward") == curve(whole, "reward")


def test_patience_ends_cross_entropy_and_a_resumed_run_knows_it(flags, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*flags, "--xe.patience", "1", "--out", str(out)]) == 0
    values = list(curve(out, "xe").values())
    assert len(values) < 6 and values[-1] <= max(values[:-1]) and values[:-1] == sorted(values[:-1])
    ends = f"cross-entropy ends after step {len(values)} of 6: no better clip_s than {values[-2]:.3f}"
    assert ends in capsys.readouterr().out
    assert position(out / "checkpoints/last") == Position("xe", len(values))
    before = weights(out, "last")
    assert main(["train", "--out", str(out), "--resume"]) == 0
    assert f"is finished: no better clip_s than {values[-2]:.3f}" in capsys.readouterr().out
    assert weights(out, "last") == before
    assert main(["evaluate", str(out), "--split", "val", "--scores", "length", "--checkpoint", "best"]) == 0
    said = capsys.readouterr().err
    assert f"{out}: checkpoint best is xe step {len(values) - 1} of 6" in said and "not finished" not in said
    place = json.loads((out / "scores-val.json").read_text())["checkpoint"]
    assert place == {
        "name": "best",
        "stage": "xe",
        "step": len(values) - 1,
        "run": {"stage": "xe", "step": len(values)},
    }


def test_after_patience_the_reward_stage_follows_also_when_killed_between_them(flags, tmp_path, monkeypatch):
    def begin(*_: object, **__: object) -> None:
        raise Killed

    given = [*flags, "--xe.patience", "1", "--rl.steps", "1", "--reward", "length"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main([*given, "--out", str(whole)]) == 0
    with monkeypatch.context() as patched:
        patched.setattr(loop, "first_model", begin)
        with pytest.raises(Killed):
            main([*given, "--out", str(broken)])
    assert main(["train", "--out", str(broken), "--resume"]) == 0
    assert weights(broken, "last") == weights(whole, "last")


def test_a_score_that_cannot_be_computed_is_refused_before_the_first_step(tiny_flags, tmp_path, capsys):
    assert main(["train", *tiny_flags, "--keep-best", "pac_spp", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--keep-best pac_spp cannot be computed while training: no tuned CLIP was given" in said
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_validation_picture_without_a_caption_is_left_out(tiny_flags, tmp_path, caplog):
    rows = [{"image": f"{n}.png", "caption": f"a red ball {n}", "split": "train" if n < 4 else "val"} for n in range(7)]
    del rows[6]["caption"]
    for n in range(7):
        Image.new("RGB", (8, 8), (40 * n, 0, 0)).save(tmp_path / f"{n}.png")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = ["--data", str(tmp_path / "data.jsonl"), "--val-count", "3", "--xe.steps", "2", "--val-every", "1"]
    out = tmp_path / "run"
    assert main(["train", *tiny_flags, *data, "--keep-best", "cider", "--out", str(out)]) == 0
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["val/cider"] >= 0
    assert "1 picture left out: it has no caption, the first 6.png" in caplog.text


def test_a_checkpoint_that_is_not_there_is_refused_with_those_that_are(flags, tmp_path, refused):
    out = tmp_path / "run"
    assert main([*flags, "--xe.steps", "1", "--out", str(out)]) == 0
    said = refused("evaluate", out, "--checkpoint", "reward-000150")
    assert f"{out} has no checkpoint 'reward-000150'; there are best, last" in said
    assert "no checkpoint '../last'" in refused("evaluate", out, "--checkpoint", "../last")
