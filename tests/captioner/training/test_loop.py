"""The chain of commands on tiny data, and that a run that was stopped is the unbroken one."""

from __future__ import annotations

import json
import os
import shutil
import signal
from itertools import product
from math import cos, pi
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from captioner.cli import main
from captioner.config import Rl, Xe, from_json
from captioner.model.encoder_decoder import Captioner
from captioner.training import checkpoint, loop
from captioner.training.checkpoint import Position
from captioner.training.stage import learning_rate
from metric.example import open_image
from metric.runtime.seeds import seed_of_step
from metric.storage import atomic_files
from metric.storage.run_files import LAST
from tests.captioner.conftest import FEW
from tests.stderr_lines import unusual

pytestmark = pytest.mark.usefixtures("few_scenes")


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]


def steps(out: Path, stage: str) -> list[dict]:
    return [row for row in rows(out) if row["stage"] == stage and "loss" in row]


def evaluations(out: Path, stage: str) -> list[dict]:
    return [row for row in rows(out) if row["stage"] == stage and "captions" in row]


def assert_equal_rows(row: dict, other: dict) -> None:
    """Exactly, apart from the clock."""
    clock = {"seconds": 0} if "seconds" in row else {}
    assert row | clock == other | clock


# The whole chain, once.

REWARDS = {"cider": "cider", "clips": "clips", "pacspp": "pacspp:checkpoint={clip},weight=0.5"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory, tiny_flags, tiny_clip, scenes) -> Path:
    """XE, three rewards from it, their scores, the comparison and captions of a folder."""
    folder = tmp_path_factory.mktemp("chain")
    assert main(["train", *tiny_flags, "--xe.steps", "6", "--val-every", "3", "--out", str(folder / "xe")]) == 0
    for name, reward in REWARDS.items():
        given = ["--init", str(folder / "xe"), "--reward", reward.format(clip=tiny_clip), "--rl.steps", "3"]
        assert main(["train", *tiny_flags, *given, "--out", str(folder / name)]) == 0
    runs = [str(folder / name) for name in ("xe", *REWARDS)]
    assert main(["evaluate", *runs, "--split", "val", "--scores", "cider,text:checker=harper,clip"]) == 0
    assert main(["compare", *runs, "--split", "val", "--out", str(folder / "report"), "--pictures", "2"]) == 0
    (folder / "pictures").mkdir()
    for example in scenes[:3]:
        open_image(example.image).save(folder / "pictures" / f"{example.id}.png")
    asked = ["--model", runs[1], "--images", str(folder / "pictures"), "--out", str(folder / "captions.jsonl")]
    assert main(["caption", *asked]) == 0
    return folder


def test_every_step_of_cross_entropy_is_logged(chain):
    found = steps(chain / "xe", "xe")
    assert [row["step"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert all(row["loss"] > 0 and row["grad_norm"] > 0 and row["lr"] > 0 and row["seconds"] > 0 for row in found)


@pytest.mark.parametrize("name", REWARDS)
def test_every_step_of_the_reward_stage_is_logged_with_its_terms(chain, name):
    found = steps(chain / name, "reward")
    assert [row["step"] for row in found] == [1, 2, 3] and not steps(chain / name, "xe")
    weight = 0.5 if name == "pacspp" else 1.0
    for row in found:
        assert row["reward"] == pytest.approx(weight * row[f"reward/{name}"])
        assert {"loss", "grad_norm", "length", "rep_4", "lr", "seconds"} <= row.keys()


@pytest.mark.parametrize("name", REWARDS)
def test_the_reward_stage_is_evaluated_before_its_first_step(chain, name):
    found = evaluations(chain / name, "reward")
    assert [row["step"] for row in found] == [0, 3]
    assert rows(chain / name)[0] == found[0]
    same = evaluations(chain / "xe", "xe")[-1]
    assert_equal_rows({key: found[0][key] for key in same} | {"stage": "xe", "step": 6}, same)


def test_validation_says_scores_and_captions(chain):
    found = evaluations(chain / "xe", "xe")
    assert [row["step"] for row in found] == [3, 6]
    assert {"val/cider", "val/clip_s", "val/rep_4", "val/length", "val/scene_truth"} <= found[0].keys()
    assert len(found[0]["captions"]) == 4
    assert "val/pac_spp" in evaluations(chain / "pacspp", "reward")[0]


def test_config_says_what_was_run_where_and_with_what(chain):
    config = json.loads((chain / "pacspp" / "config.json").read_text())
    assert {"commit", "versions", "hardware", "signature"} <= config.keys()
    assert from_json(json.dumps(config)).init == str(chain / "xe")
    assert config["signature"].startswith("0.5*PAC-S++[w2,prefix='A photo depicts',weights=")
    cider = json.loads((chain / "cider" / "config.json").read_text())
    assert cider["signature"].startswith("1*STANDARD_wInit+Cider-D[n4,s6.0") and "+scst[" in cider["signature"]
    assert cider["init_fingerprint"] == config["init_fingerprint"] != ""
    assert json.loads((chain / "xe" / "config.json").read_text())["signature"].startswith("xe[label_smoothing=0.0]")


def test_run_folder_has_checkpoint_and_tensorboard(chain):
    for name in ("xe", *REWARDS):
        assert Captioner.from_pretrained(chain / name / LAST).config.d == 16
        assert list((chain / name / "tensorboard").glob("events.out.tfevents.*"))


def test_a_reward_changes_the_model(chain):
    weights = {name: (chain / name / LAST / "model.safetensors").read_bytes() for name in ("xe", *REWARDS)}
    assert len(set(weights.values())) == 4


def test_every_run_is_scored_and_compared(chain):
    for name in ("xe", *REWARDS):
        scores = json.loads((chain / name / "scores-val.json").read_text())
        assert scores["count"] == FEW and {"cider", "clip_s", "rep_4", "incorrect"} <= scores["corpus"].keys()
    assert "pac_spp" in scores["corpus"]
    assert (chain / "report" / "index.html").is_file()
    table = (chain / "report" / "comparison.md").read_text()
    assert all(label in table for label in ("XE", "+CIDEr", "+CLIP-S", "+PAC-S++"))


def test_pictures_of_a_folder_are_captioned(chain):
    captions = [json.loads(line) for line in (chain / "captions.jsonl").read_text().splitlines()]
    assert [row["id"] for row in captions] == [f"train-{i:06d}.png" for i in range(3)]


# Stopped and resumed.


class Killed(BaseException):
    """What no code of ours catches: as good as SIGKILL to a file that was flushed."""


@pytest.fixture(scope="module")
def two_stages(tiny_flags) -> list[str]:
    """Five steps of XE and six of a reward; checkpoints after 3 and at each stage's end."""
    flags = "--xe.steps 5 --rl.steps 6 --reward cider --reward truth:weight=0.5 --val-every 2 --save-every 3"
    return ["train", *tiny_flags, *flags.split()]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, two_stages) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert main([*two_stages, "--out", str(out)]) == 0
    return out


def at_step(monkeypatch, stage: str, step: int, happens) -> None:
    """`happens` after so many steps of the stage, before the next."""

    def update(session, now, number, original=loop.update):
        if (now.name, number) == (stage, step):
            happens()
        return original(session, now, number)

    monkeypatch.setattr(loop, "update", update)


def kill() -> None:
    raise Killed


def state(out: Path) -> dict[str, bytes]:
    """Weights, optimizer, position and all else of the checkpoint."""
    return {path.name: path.read_bytes() for path in (out / LAST).iterdir()}


def assert_equal_runs(out: Path, other: Path) -> None:
    """The same weights, optimizer and log, to the bit."""
    assert state(out) == state(other)
    for row, same in zip(rows(out), rows(other), strict=True):
        assert_equal_rows(row, same)


def resume(out: Path) -> int:
    return main(["train", "--out", str(out), "--resume"])


@pytest.mark.parametrize(
    ("stage", "step"), [("xe", 0), ("xe", 2), ("xe", 4), ("reward", 0), ("reward", 1), ("reward", 5)]
)
def test_a_killed_run_resumed_is_the_unbroken_one(tmp_path, monkeypatch, two_stages, unbroken, stage, step):
    at_step(monkeypatch, stage, step, kill)
    with pytest.raises(Killed):
        main([*two_stages, "--out", str(tmp_path)])
    assert len(rows(tmp_path)) < len(rows(unbroken))
    monkeypatch.undo()
    assert resume(tmp_path) == 0
    assert_equal_runs(tmp_path, unbroken)


@pytest.mark.parametrize(("kills", "stage", "step"), [([1], "xe", 0), ([2], "xe", 3), ([1, 3], "xe", 5)])
def test_kills_between_the_renames_of_a_checkpoint_lose_nothing(
    tmp_path, monkeypatch, two_stages, unbroken, kills, stage, step
):
    for number, nth in enumerate(kills):
        count = iter(range(1, 100))

        def replace(old, new, rename=os.replace, count=count, nth=nth):
            if Path(new) == tmp_path / LAST and Path(old).name == ".new-last" and next(count) == nth:
                raise Killed
            rename(old, new)

        monkeypatch.setattr(atomic_files.os, "replace", replace)
        with pytest.raises(Killed):
            resume(tmp_path) if number else main([*two_stages, "--out", str(tmp_path)])
        monkeypatch.undo()
    assert checkpoint.position(tmp_path) == (Position(stage, step) if step else None)
    assert resume(tmp_path) == 0
    assert_equal_runs(tmp_path, unbroken)


@pytest.mark.parametrize(("stage", "step"), [("xe", 3), ("reward", 0), ("reward", 4)])
def test_ctrl_c_saves_after_the_step_and_says_how_to_go_on(
    tmp_path, monkeypatch, capsys, two_stages, unbroken, stage, step
):
    at_step(monkeypatch, stage, step, lambda: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    assert main([*two_stages, "--out", str(tmp_path)]) == 130
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    said = f"saved after {stage} step {step + 1}; captioner train --out {tmp_path} --resume goes on"
    assert said in capsys.readouterr().err
    assert checkpoint.position(tmp_path) == Position(stage, step + 1)
    assert resume(tmp_path) == 0
    assert_equal_runs(tmp_path, unbroken)


@pytest.mark.parametrize(
    "flags", ["--candidates beam --baseline greedy", "--candidates sample --baseline leave_one_out"]
)
def test_a_reward_run_from_another_model_resumes_too(tmp_path, monkeypatch, unbroken, tiny_flags, flags):
    """With the model that `init` names gone by then: the checkpoint is all that is needed."""
    (tmp_path / "start").symlink_to(unbroken / LAST)
    given = ["--init", str(tmp_path / "start"), "--reward", "cider", "--rl.steps", "4", "--save-every", "2"]
    given = ["train", *tiny_flags, *given, *flags.replace("--", "--rl.").split()]
    assert main([*given, "--out", str(tmp_path / "a")]) == 0
    at_step(monkeypatch, "reward", 3, kill)
    with pytest.raises(Killed):
        main([*given, "--out", str(tmp_path / "b")])
    monkeypatch.undo()
    (tmp_path / "start").unlink()
    assert resume(tmp_path / "b") == 0
    assert_equal_runs(tmp_path / "a", tmp_path / "b")


def test_a_run_rewarded_by_a_clip_resumes_to_the_bit(tmp_path, monkeypatch, unbroken, tiny_flags):
    """Though its embeddings were computed beside others."""
    given = ["--init", str(unbroken), "--reward", "refclips", "--rl.steps", "4", "--save-every", "2"]
    assert main(["train", *tiny_flags, *given, "--out", str(tmp_path / "a")]) == 0
    at_step(monkeypatch, "reward", 3, kill)
    with pytest.raises(Killed):
        main(["train", *tiny_flags, *given, "--out", str(tmp_path / "b")])
    monkeypatch.undo()
    assert resume(tmp_path / "b") == 0
    assert_equal_runs(tmp_path / "a", tmp_path / "b")


def test_a_run_is_not_resumed_with_a_reward_that_was_trained_again(
    tmp_path, monkeypatch, unbroken, tiny_flags, tiny_clip, capsys
):
    """The same folder with other weights in it."""
    tuned = tmp_path / "tuned"
    shutil.copytree(tiny_clip, tuned)
    given = [
        "--init",
        str(unbroken),
        "--reward",
        f"pacspp:checkpoint={tuned}",
        "--rl.steps",
        "4",
        "--save-every",
        "2",
    ]
    at_step(monkeypatch, "reward", 3, kill)
    with pytest.raises(Killed):
        main(["train", *tiny_flags, *given, "--out", str(tmp_path / "run")])
    monkeypatch.undo()
    weights = load_file(tuned / "open_clip_model.safetensors")
    save_file({name: tensor * 1.01 for name, tensor in weights.items()}, tuned / "open_clip_model.safetensors")
    assert resume(tmp_path / "run") == 2
    assert "would go on with PAC-S++" in capsys.readouterr().err


def test_a_finished_run_resumed_stays_as_it_is(unbroken, capsys):
    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in unbroken.rglob("*") if path.is_file()}

    before = files()
    assert resume(unbroken) == 0
    assert files() == before
    assert "is finished" in capsys.readouterr().out


def test_two_runs_of_one_seed_agree_and_of_two_do_not(tmp_path, two_stages, unbroken):
    assert main([*two_stages, "--out", str(tmp_path / "same")]) == 0
    assert main([*two_stages, "--seed", "1", "--out", str(tmp_path / "other")]) == 0
    assert_equal_runs(tmp_path / "same", unbroken)
    assert state(tmp_path / "other")["model.safetensors"] != state(unbroken)["model.safetensors"]


# What is refused, in one line.


def refused(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["train", *arguments]) == 2
    said = capsys.readouterr().err
    (line,) = unusual(said)
    assert said.rstrip().endswith(line)
    return line


def test_resume_takes_no_other_flags(unbroken, capsys):
    for flags in (["--seed", "1"], ["--preset", "small"], ["--reward", "clips"]):
        assert "type only --out RUN --resume" in refused(capsys, "--out", str(unbroken), "--resume", *flags)


def test_a_run_is_not_overwritten(unbroken, two_stages, capsys):
    said = refused(capsys, *two_stages[1:], "--out", str(unbroken))
    assert "holds a run; type --resume to continue it, or another --out" in said


def test_what_is_no_run_is_not_resumed(tmp_path, capsys):
    assert "is not a run: it has no config.json" in refused(capsys, "--out", str(tmp_path), "--resume")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--init {run}", "--init without --reward leaves nothing to train"),
        ("--init {run} --reward cider --decode.max-length 9", "type --decode.max-length 8"),
        ("--init {run} --reward cider --clip scenes-clip", "give it its own CLIP"),
        ("--reward cidre", "did you mean"),
        ("--val-count 0", "--val-count is 1 or more, got 0"),
    ],
)
def test_what_cannot_be_trained_is_said_before_a_run_is_made(tmp_path, unbroken, tiny_flags, capsys, flags, said):
    given = flags.format(run=unbroken).split()
    assert said in refused(capsys, *tiny_flags, *given, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_ends_the_run(tmp_path, tiny_flags, capsys):
    said = refused(capsys, *tiny_flags, "--xe.steps", "20", "--xe.lr", "1e30", "--out", str(tmp_path))
    assert "nan" in said and "lower --xe.lr, which is 1e+30," in said and "it had no checkpoint yet" in said
    assert not (tmp_path / LAST).exists()


# Steps.


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_both_stages(tmp_path, tiny_flags, precision):
    given = "--xe.steps 3 --rl.steps 2 --reward clips --rl.baseline greedy --precision".split()
    assert main(["train", *tiny_flags, *given, precision, "--out", str(tmp_path)]) == 0
    assert ("scale" in json.loads((tmp_path / LAST / "scaler.json").read_text())) == (precision == "fp16")
    found = steps(tmp_path, "xe") + steps(tmp_path, "reward")
    assert len(found) == 5 and all(abs(row["loss"]) < 20 and row["grad_norm"] < 100 for row in found)
    assert all(row["grad_norm"] > 0 for row in found)


def test_both_stages_learn(tmp_path, tiny_flags):
    """The reward is one that the captions of an untrained model can raise."""
    given = "--xe.steps 60 --xe.lr 1e-2 --rl.steps 30 --rl.lr 3e-3 --rl.samples 8 --reward clips".split()
    assert main(["train", *tiny_flags, *given, "--out", str(tmp_path)]) == 0
    losses = [row["loss"] for row in steps(tmp_path, "xe")]
    assert losses[-1] < losses[0] - 1.5
    rewards = [row["reward"] for row in steps(tmp_path, "reward")]
    assert sum(rewards[-5:]) > sum(rewards[:5])


def test_dropout_is_for_cross_entropy_alone(tmp_path, monkeypatch, tiny_flags):
    """Candidates are drawn without, so the gradient of their reward has none."""
    trained_with: dict[str, bool] = {}
    for stage, objective in list(loop.OBJECTIVES.items()):

        def watched(captioner, *rest, stage=stage, objective=objective):
            trained_with[stage] = captioner.training
            return objective(captioner, *rest)

        monkeypatch.setitem(loop.OBJECTIVES, stage, watched)
    given = "--xe.steps 1 --rl.steps 1 --reward cider".split()
    assert main(["train", *tiny_flags, *given, "--out", str(tmp_path)]) == 0
    assert trained_with == {"xe": True, "scst": False}


def test_learning_rate_rises_then_falls_as_half_a_cosine():
    settings = Xe(steps=10, lr=1.0, warmup=0.2)
    rates = [learning_rate(settings, step) for step in range(10)]
    # two steps up, 1/3 and 2/3 of the way, then (1 + cos(pi i / 8)) / 2
    assert rates == pytest.approx([1 / 3, 2 / 3, *((1 + cos(pi * i / 8)) / 2 for i in range(8))])
    assert rates[6] == pytest.approx(0.5) and min(rates) > 0


def test_reward_stage_keeps_its_learning_rate():
    rates = {
        share: [learning_rate(Rl(steps=4, lr=0.5, warmup=share), step) for step in range(4)] for share in (0, 0.25)
    }
    assert rates == {0: [0.5] * 4, 0.25: [0.25] + [0.5] * 3}


def test_reward_stage_that_decays_has_the_rates_of_cross_entropy():
    shape = {"steps": 10, "lr": 1.0, "warmup": 0.2}
    rates = [[learning_rate(kind, step) for step in range(10)] for kind in (Rl(**shape, decay=True), Xe(**shape))]
    assert rates[0] == rates[1]


def test_no_two_steps_share_a_seed():
    seeds = {seed_of_step(*which) for which in product(range(5), ("xe", "reward"), (*range(50), 10**6, 10**7))}
    assert len(seeds) == 5 * 2 * 52
