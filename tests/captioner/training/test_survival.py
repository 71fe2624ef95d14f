"""What a run survives, by the command line: SIGTERM, -9, a full disk, damage; and what it refuses to go on from."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from captioner.cli import main
from captioner.training import loop
from metric.storage.run_files import LAST
from rewards import register
from rewards.registry import ENTRIES
from tests.stderr_lines import unusual

WEIGHTS = ("last/model", "last/optimizer", "best/model", "reference/model")


def by_lot(context):
    """A reward that draws from every generator there is."""
    draws = (random.random, np.random.rand, lambda: torch.rand(()).item())
    return lambda examples, captions: torch.tensor([[sum(draw() for draw in draws) for _ in row] for row in captions])


@pytest.fixture(scope="module", autouse=True)
def lots():
    """The reward `by_lot`, for this module's tests."""
    register("by_lot")(by_lot)
    yield
    del ENTRIES["bylot"]


@pytest.fixture(scope="module")
def command(tiny_flags) -> list[str]:
    """Four steps of each stage, saved after every other; the rewards are a CLIP's and lots."""
    flags = "--xe.steps 4 --rl.steps 4 --reward clips --reward by_lot --val-every 2 --save-every 2"
    return ["train", *tiny_flags, *flags.split()]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, command) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert main([*command, "--out", str(out)]) == 0
    return out


def resume(out: Path) -> int:
    return main(["train", "--out", str(out), "--resume"])


def before_step(monkeypatch, stage: str, step: int, happens) -> None:
    def update(session, now, number, original=loop.update):
        if (now.name, number) == (stage, step):
            happens()
        return original(session, now, number)

    monkeypatch.setattr(loop, "update", update)


def told(capsys) -> str:
    """The one line on stderr, beside progress and the last lines."""
    (line,) = unusual(capsys.readouterr().err)
    return line


def assert_equal_runs(out: Path, whole: Path) -> None:
    """The checkpoints to the bit, apart from those before the last, and the log, apart from its clock."""
    for name in (Path("checkpoints") / place for place in WEIGHTS):
        one, other = (load_file(run / f"{name}.safetensors") for run in (out, whole))
        assert all(torch.equal(one[key], other[key]) for key in other), name
    assert rows(out) == rows(whole)


def rows(out: Path) -> list[dict]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in lines]


def test_the_last_and_the_one_before_are_kept(unbroken):
    found = {path.name for path in (unbroken / "checkpoints").iterdir()}
    assert found == {"last", "reward-000002", "best", "reference"}


@pytest.mark.parametrize(("stage", "step"), [("xe", 1), ("reward", 2)])
def test_sigterm_saves_and_exits_with_the_command_to_resume(
    tmp_path, monkeypatch, capsys, command, unbroken, stage, step
):
    before_step(monkeypatch, stage, step, lambda: signal.raise_signal(signal.SIGTERM))
    assert main([*command, "--out", str(tmp_path)]) == 143
    monkeypatch.undo()
    typed = f"captioner train --out {tmp_path} --resume"
    assert told(capsys) == f"captioner: interrupted; saved after {stage} step {step + 1}; {typed} goes on"
    assert main(typed.split()[1:]) == 0
    assert_equal_runs(tmp_path, unbroken)


@pytest.fixture
def halfway(tmp_path, monkeypatch, command) -> Path:
    """A run that was stopped after its third step of the reward stage."""
    before_step(monkeypatch, "reward", 2, lambda: signal.raise_signal(signal.SIGTERM))
    assert main([*command, "--out", str(tmp_path / "run")]) == 143
    monkeypatch.undo()
    return tmp_path / "run"


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(tmp_path, monkeypatch, capsys, command, unbroken):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = (unbroken / LAST / "model.safetensors").stat().st_size
    before_step(monkeypatch, "xe", 3, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, hard)))
    try:
        assert main([*command, "--out", str(tmp_path)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    monkeypatch.undo()
    line = told(capsys)
    assert f"cannot be written; {tmp_path / LAST}, of xe-000002, is the last good state: make room, then " in line
    assert line.endswith(f"captioner train --out {tmp_path} --resume goes on")
    assert resume(tmp_path) == 0
    assert_equal_runs(tmp_path, unbroken)


def test_a_checkpoint_cut_short_is_named_and_the_one_before_serves(halfway, capsys, unbroken):
    path = halfway / LAST / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    capsys.readouterr()
    assert resume(halfway) == 2
    line = told(capsys)
    assert f"{path} is cut short or damaged" in line
    typed = f"rm -r {halfway / LAST}, then captioner train --out {halfway} --resume"
    assert line.endswith(f"{typed} goes on from reward-000002")
    assert main(["caption", "--model", str(halfway), "--images", str(halfway), "--out", str(halfway / "c.jsonl")]) == 2
    *_, line = unusual(capsys.readouterr().err)  # below the line on a run that is not finished
    assert f"{path} cannot be read" in line
    shutil.rmtree(halfway / LAST)
    assert resume(halfway) == 0
    assert_equal_runs(halfway, unbroken)


def test_a_checkpoint_of_a_newer_version_is_refused(halfway, capsys):
    path = halfway / LAST / "position.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    capsys.readouterr()
    assert resume(halfway) == 2
    assert "has format 99, this version reads formats up to" in told(capsys)
    assert main(["caption", "--model", str(halfway), "--images", str(halfway), "--out", str(halfway / "c.jsonl")]) == 2
    assert "has format 99, this version reads formats up to" in told(capsys)


def test_another_vocabulary_is_refused(halfway, capsys):
    path = halfway / LAST / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    pieces = tokenizer["model"]["vocab"]
    first, second = sorted(pieces)[:2]
    pieces[first], pieces[second] = pieces[second], pieces[first]
    path.write_text(json.dumps(tokenizer))
    capsys.readouterr()
    assert resume(halfway) == 2
    assert "began with the vocabulary" in (line := told(capsys)) and "begin anew with another --out" in line


def test_other_data_is_refused(halfway, capsys):
    path = halfway / "config.json"
    path.write_text(path.read_text().replace("scenes:count=40", "scenes:count=41"))
    capsys.readouterr()
    assert resume(halfway) == 2
    assert "began with the data 40 pictures" in (line := told(capsys)) and "would go on with 41 pictures" in line


def test_another_number_of_processes_is_told(halfway, capsys):
    path = halfway / LAST / "position.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"processes": 4}))
    assert resume(halfway) == 0
    assert "was saved by 4 processes and goes on with 1" in capsys.readouterr().out


def test_cautions_are_said_once_and_logged(tmp_path, capsys, tiny_flags):
    given = "--xe.steps 1 --rl.steps 1 --rl.lr 1e-3 --reward cider".split()
    assert main(["train", *tiny_flags, *given, "--out", str(tmp_path)]) == 0
    line = told(capsys)
    assert line.startswith("captioner: caution: --rl.lr 0.001 is near the learning rate of cross-entropy")
    (said,) = [row["cautions"] for row in rows(tmp_path) if "cautions" in row]
    assert said == [line.removeprefix("captioner: caution: ")]


def test_a_run_killed_while_it_saves_and_resumed_is_the_unbroken_one(tmp_path, tiny_flags):
    """By -9, in a process of its own; experiments/survival/training.py does it twenty times."""
    flags = "--xe.steps 12 --rl.steps 2 --reward clips --val-every 6 --save-every 1".split()
    out, whole = tmp_path / "killed", tmp_path / "whole"
    assert main(["train", *tiny_flags, *flags, "--out", str(whole)]) == 0
    typed = [sys.executable, "-m", "captioner", "train", *tiny_flags, *flags, "--out", str(out)]
    threads = str(torch.get_num_threads())  # sums are taken in another order by others
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": threads}
    with subprocess.Popen(typed, env=environment, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and not ((out / LAST).exists() and (out / "checkpoints" / ".new-last").exists()):
            time.sleep(0.001)
        running.kill()
    assert running.returncode == -signal.SIGKILL
    assert resume(out) == 0
    assert_equal_runs(out, whole)


def flaky(context, after: int = 0, how: str = "raise"):
    """A reward that works `after` times and then fails."""
    calls = []

    def reward(examples, captions):
        calls.append(1)
        if len(calls) <= after:
            return torch.rand(len(examples), len(captions[0]))
        if how == "raise":
            raise KeyError("the server is gone")
        return None if how == "none" else torch.full((len(examples), len(captions[0])), float("nan"))

    return reward


@pytest.fixture
def flaky_reward():
    register("flaky")(flaky)
    yield
    del ENTRIES["flaky"]


@pytest.mark.parametrize(
    "how, words", [("raise", "failed: KeyError: 'the server is gone'"), ("none", "NoneType"), ("nan", "must be finite")]
)
def test_reward_that_fails_once_loses_no_step(tiny_flags, flaky_reward, capsys, tmp_path, how, words):
    out = tmp_path / "run"
    flags = [*tiny_flags, "--xe.steps", "1", "--rl.steps", "4", "--watch", "off", "--precision", "fp32"]
    assert main(["train", *flags, "--reward", f"flaky:after=2,how={how}", "--out", str(out)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert words in said and f"saved after reward step 2: repair the reward, then captioner train --out {out}" in said
    assert json.loads((out / LAST / "position.json").read_text())["step"] == 2
    ENTRIES["flaky"] = replace(ENTRIES["flaky"], factory=lambda context, **options: flaky(context, after=99))
    assert resume(out) == 0
    reached = [row["step"] for row in map(json.loads, (out / "metrics.jsonl").read_text().splitlines())]
    assert max(reached) == 4


@pytest.mark.parametrize("after, step", [(3, 2), (6, 4)])  # asked once a step and an evaluation, also at step 0
def test_an_evaluation_in_which_a_reward_failed_is_made_by_resume(
    tiny_flags, flaky_reward, capsys, tmp_path, after, step
):
    out = tmp_path / "run"
    flags = [*tiny_flags, "--xe.steps", "1", "--rl.steps", "4", "--val-every", "2", "--rl.baseline", "mean"]
    assert main(["train", *flags, "--reward", f"flaky:after={after}", "--out", str(out)]) == 2
    assert f"saved after reward step {step}" in capsys.readouterr().err.splitlines()[-1]
    assert json.loads((out / LAST / "position.json").read_text())["step"] == step
    ENTRIES["flaky"] = replace(ENTRIES["flaky"], factory=lambda context, **options: flaky(context, after=0))
    assert resume(out) == 2 and "failed" in capsys.readouterr().err  # not repaired yet
    ENTRIES["flaky"] = replace(ENTRIES["flaky"], factory=lambda context, **options: flaky(context, after=99))
    assert resume(out) == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    evaluated = [row["step"] for row in rows if row["stage"] == "reward" and "val/cider" in row]
    assert evaluated == [0, 2, 4]


def test_reward_that_fails_at_first_points_to_the_end_of_cross_entropy(tiny_flags, flaky_reward, capsys, tmp_path):
    flags = [*tiny_flags, "--xe.steps", "2", "--rl.steps", "2", "--reward", "flaky"]
    assert main(["train", *flags, "--out", str(tmp_path / "run")]) == 2  # the watch asks for the reward of step 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert "saved after xe step 2" in said and "--resume goes on" in said


def test_run_of_relative_paths_is_resumed_and_evaluated_from_another_folder(
    tiny_flags, pictures, monkeypatch, tmp_path
):
    """Settings keep absolute paths of the data, the start and the rewards."""
    rows = [{"image": path.name, "references": ["a block of blue"]} for path in pictures.glob("*.png")]
    (pictures / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(pictures)
    flags = [*tiny_flags, "--xe.steps", "2", "--save-every", "1", "--data", "jsonl:file=d.jsonl", "--out", "../run"]
    before_step(monkeypatch, "xe", 1, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert main(["train", *flags]) == 130
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(Path("../run")) == 0 and main(["evaluate", "../run", "--scores", "length"]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"] == f"jsonl:file={pictures}/d.jsonl"
