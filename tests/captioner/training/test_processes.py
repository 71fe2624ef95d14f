"""Two processes over gloo, each with half the batch, against one with the whole; and a batch in parts against it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, multiprocessing

from captioner.cli import main
from captioner.config import Run, Xe
from captioner.data.adapters import scenes
from captioner.training import opening
from captioner.training.step_batches import Ahead, check_shares
from metric.runtime.device import device_of
from metric.runtime.processes import rank
from metric.storage.run_files import LAST
from tests.captioner.conftest import FEW
from tests.ports import free_ports

# Dropout draws other masks for other shares. Every normalisation that the size of a share could change is there.
STAGES = (
    "--xe.steps 3 --xe.label-smoothing 0.1 --model.dropout 0 --reward cider --reward clips --rl.steps 2 "
    "--rl.normalise token --rl.kl 0.1 --rl.baseline leave_one_out --val-every 2"
)
OBJECTIVES = {
    "grpo": "--rl.objective grpo --rl.updates 2 --rl.normalise token",
    "dico": "--rl.objective dico --rl.kl 0.2 --rl.normalise token --rl.candidates beam",
}
METRIC = {
    "pretrain": "--config {clip}/model.json --steps 3 --batch-size 6 --val-every 2",
    "train": "--clip {clip} --steps 2 --batch-size 5 --chunk 2 --val-every 2",
    "hard": "--clip {clip} --steps 2 --batch-size 5 --negatives 2 --val-every 2",
    "hard-fsc": "--clip {clip} --steps 2 --batch-size 5 --negatives 2 --negatives-form fsc --chunk 2 --val-every 2",
}
DATA = "--data scenes:count=12"


def commands(tiny_flags: list[str], tiny_clip: str, folder: Path) -> dict[str, list[str]]:
    """Every kind of training, by the folder it writes."""
    runs = {"stages": [*tiny_flags, *STAGES.split()]}
    for name, flags in OBJECTIVES.items():
        given = ["--init", str(folder / "one" / "stages"), "--reward", "cider", "--rl.steps", "2", "--watch", "off"]
        runs[name] = [*tiny_flags, *given, *flags.split()]
    found = {name: ["train", *flags] for name, flags in runs.items()}
    clip = Path(tiny_clip)
    for name, flags in METRIC.items():
        where = clip.parent if name == "pretrain" else clip
        command = "pretrain" if name == "pretrain" else "train"
        found[name] = ["metric", command, *DATA.split(), *flags.format(clip=where).split()]
    return found


def work(number: int, folder: Path, asked: dict[str, list[str]], ports: list[int]) -> None:
    """As torchrun would start it, once for each command."""
    torch.set_num_threads(1)
    scenes.HELD_OUT = FEW
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2", "LOCAL_RANK": str(number), "MASTER_ADDR": "127.0.0.1"}

    def launched(*command: str) -> list[str]:
        os.environ["MASTER_PORT"] = str(ports.pop())
        return [*command]

    for name, command in asked.items():
        assert main(launched(*command, "--out", str(folder / "two" / name))) == 0
    uneven = launched(*asked["stages"], "--xe.batch-size", "5", "--out", str(folder / "uneven"))
    said = {"uneven": refusal(uneven)}
    load, opening.load = opening.load, lambda *asked: load(*asked)[rank() :]
    said["unlike"] = refusal(launched(*asked["stages"], "--out", str(folder / "unlike")))
    (folder / f"said by {number}.json").write_text(json.dumps(said))


def refusal(command: list[str]) -> str:
    """What a process says of a command that ends with exit code 2."""
    with redirect_stderr(io.StringIO()) as said:
        try:
            assert main(command) == 2
        except SystemExit as ended:
            assert ended.code == 2
    return said.getvalue()


@pytest.fixture(scope="module")
def runs(tiny_flags, tiny_clip, few_scenes, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    asked = commands(tiny_flags, tiny_clip, folder)
    for name, command in asked.items():
        assert main([*command, "--out", str(folder / "one" / name)]) == 0
    ports = free_ports(len(asked) + 2)
    multiprocessing.spawn(work, (folder, asked, ports), nprocs=2)
    return folder


def learned(run: Path) -> Iterator[tuple[str, Tensor]]:
    """The weights a run ends with; of keys' biases, which change nothing and which Adam moves by rounding, none."""
    files = [run / LAST / "model.safetensors", run / LAST / "weights.safetensors"]
    for name, tensor in next(load_file(path) for path in files if path.is_file()).items():
        yield name, tensor.chunk(2)[1] if name.endswith("key_value.bias") else tensor


def assert_same_weights(run: Path, other: Path) -> None:
    for (name, weights), (_, others) in zip(learned(run), learned(other), strict=True):
        torch.testing.assert_close(weights, others, atol=2e-5, rtol=1e-4, msg=lambda said, name=name: f"{name}: {said}")


@pytest.mark.parametrize("name", ["stages", *OBJECTIVES, *METRIC])
def test_two_processes_with_half_the_batch_learn_what_one_does(runs, name):
    assert_same_weights(runs / "two" / name, runs / "one" / name)


@pytest.mark.parametrize("name", ["hard", "hard-fsc"])
def test_negatives_of_two_processes_are_those_of_one(runs, name):
    logs = [(runs / count / name / "metrics.jsonl").read_text().splitlines() for count in ("one", "two")]
    for line, other in zip(*logs, strict=True):
        row, same = json.loads(line), json.loads(other)
        terms = row.keys() & {"loss", "loss_negatives"}  # the first line holds cautions
        assert [same[term] for term in terms] == pytest.approx([row[term] for term in terms], rel=1e-5)
    assert "loss_negatives" in row


def test_the_log_is_written_once_and_says_what_one_process_says(runs):
    logs = [(runs / count / "stages" / "metrics.jsonl").read_text().splitlines() for count in ("one", "two")]
    for line, other in zip(*logs, strict=True):
        row, same = json.loads(line), json.loads(other)
        assert row.keys() == same.keys() and row.get("captions") == same.get("captions")
        for figure in row.keys() & {"loss", "reward", "kl", "grad_norm", "val/cider", "val/clip_s"}:
            assert row[figure] == pytest.approx(same[figure], rel=1e-3, abs=1e-5)


def test_what_processes_cannot_do_is_refused_once_in_one_line(runs):
    said = [json.loads((runs / f"said by {number}.json").read_text()) for number in range(2)]
    for name, line in (
        ("uneven", "a batch of 5 pictures cannot be divided equally among 2 process(es) with --accumulate 1; "),
        ("unlike", "process 1 has other training data than process 0: 39 pictures, "),
    ):
        (one,) = {told[name] for told in said} - {""}
        assert line in one and one.count("\n") == 1
        assert not (runs / name / "config.json").exists()


def test_a_batch_in_parts_is_the_whole_batch(runs, tiny_flags, tmp_path):
    assert main(["train", *tiny_flags, *STAGES.split(), "--accumulate", "2", "--out", str(tmp_path)]) == 0
    assert_same_weights(tmp_path, runs / "one" / "stages")


def test_a_batch_that_has_no_equal_parts_is_refused_with_those_that_have():
    check_shares(Run(xe=Xe(batch_size=6), accumulate=3), ["xe"], 40)
    with pytest.raises(ValueError, match="type --xe.batch-size 4 or --xe.batch-size 8"):
        check_shares(Run(xe=Xe(batch_size=6), accumulate=4), ["xe"], 40)


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert device_of("auto") == device_of("cuda") == torch.device("cuda")
    with pytest.raises(ValueError, match="--device cuda:1 is one GPU for 2 processes; type --device cuda"):
        device_of("cuda:1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="3 processes want a GPU each, and this machine has 2: start 2 on it"):
        device_of("cuda")


def test_the_next_batch_is_read_ahead_and_any_step_can_be_asked_for():
    read: list[int] = []

    def batch(step: int) -> list:
        read.append(step)
        return [step]

    ahead = Ahead(batch, 4)
    assert [ahead(step) for step in (1, 2, 3)] == [[1], [2], [3]]
    assert read == [1, 2, 3]  # nothing behind the end
