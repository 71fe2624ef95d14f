"""checkpoints/last and those before it: what is left after kills, full disks and damage, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from metric.runtime.interrupts import Interrupted, stopped
from metric.storage import checkpoint_folders
from metric.storage.atomic_files import keep_rows, no_room, write_json
from metric.storage.checkpoint_folders import NotFinite, Position, earlier, new_checkpoint, newest, reached, saved_whole
from metric.storage.run_files import LAST
from tests.full_disk import files_of_at_most

TYPED = "captioner metric train --out runs/m --resume"


def save(out: Path, step: int, keep: int = 2, size: int = 10) -> None:
    with new_checkpoint(out, Position("step", step), keep) as new:
        save_file({"weight": torch.full((size,), float(step))}, new / "weights.safetensors")
        write_json(new / "state.json", {"step": step})


def weight(folder: Path) -> float:
    return load_file(folder / "weights.safetensors")["weight"][0].item()


@pytest.mark.parametrize(("keep", "before"), [(1, []), (2, [15]), (3, [15, 10])])
def test_the_last_few_are_kept(tmp_path: Path, keep: int, before: list[int]) -> None:
    for step in (5, 10, 15, 20):
        save(tmp_path, step, keep)
    assert reached(tmp_path, TYPED) == Position("step", 20)
    assert [path.name for path in earlier(tmp_path)] == [f"step-{step:06d}" for step in before]
    assert [weight(path) for path in earlier(tmp_path)] == before and weight(tmp_path / LAST) == 20
    assert len(list((tmp_path / "checkpoints").iterdir())) == keep


def test_those_of_the_reward_stage_come_after_those_of_cross_entropy(tmp_path: Path) -> None:
    for stage, step in (("xe", 90), ("xe", 100), ("reward", 5), ("reward", 10)):
        with new_checkpoint(tmp_path, Position(stage, step), keep=3):
            pass
    assert [path.name for path in earlier(tmp_path)] == ["reward-000005", "xe-000100"]


def test_without_the_last_the_one_before_takes_its_place(tmp_path: Path) -> None:
    save(tmp_path, 5)
    save(tmp_path, 10)
    shutil.rmtree(tmp_path / LAST)
    assert newest(tmp_path) == tmp_path / "checkpoints" / "step-000005", "a reader moves nothing"
    assert reached(tmp_path, TYPED) == Position("step", 5)
    assert weight(tmp_path / LAST) == 5 and not earlier(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json"])
def test_a_checkpoint_cut_short_is_named_with_what_to_type(tmp_path: Path, name: str) -> None:
    save(tmp_path, 5)
    save(tmp_path, 10)
    path = tmp_path / LAST / name
    path.write_bytes(path.read_bytes()[:-8])
    typed = f"rm -r {tmp_path / LAST}, then {TYPED} goes on from step-000005"
    with pytest.raises(ValueError, match=f"{path} is cut short or damaged .*{typed}$"):
        reached(tmp_path, TYPED)
    shutil.rmtree(tmp_path / "checkpoints" / "step-000005")
    with pytest.raises(ValueError, match="begins again: there is no other checkpoint"):
        reached(tmp_path, TYPED)


def test_a_checkpoint_without_one_of_its_files_is_named(tmp_path: Path) -> None:
    save(tmp_path, 5)
    with pytest.raises(ValueError, match="optimizer.safetensors is missing: type rm -r"):
        reached(tmp_path, TYPED, "optimizer.safetensors")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 5)
    path = tmp_path / LAST / "position.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": checkpoint_folders.FORMAT + 1}))
    with pytest.raises(
        ValueError,
        match=f"has format {checkpoint_folders.FORMAT + 1}, this version reads .*pip install -U captioner",
    ):
        reached(tmp_path, TYPED)


def test_another_number_of_processes_is_told(tmp_path: Path) -> None:
    save(tmp_path, 5)
    assert checkpoint_folders.other_processes(tmp_path) == ""
    path = tmp_path / LAST / "position.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"processes": 4}))
    assert (
        "was saved by 4 processes and goes on with 1. The batch stays the same."
        in checkpoint_folders.other_processes(tmp_path)
    )


def test_a_full_disk_leaves_the_last_and_says_so(tmp_path: Path) -> None:
    save(tmp_path, 5)
    told = f"a file is too large and {tmp_path} cannot be written; {tmp_path / LAST}, of step-000005, is the last good"
    with pytest.raises(ValueError, match=f"{told} state: make room, then {TYPED} goes on"):
        with files_of_at_most(2000), saved_whole(tmp_path, TYPED):
            save(tmp_path, 10, size=10_000)
    assert weight(tmp_path / LAST) == 5
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last"], "the half makes room"


def test_only_a_full_disk_is_taken_for_one() -> None:
    assert no_room(OSError(28, "No space left on device")) == "the disk is full"
    assert no_room(OSError(122, "Disk quota exceeded")) == "the quota is used up"
    assert no_room(PermissionError(13, "Permission denied")) == ""


def test_a_loss_that_is_no_number_is_told_with_what_is_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no number; it had no checkpoint yet$"), saved_whole(tmp_path, TYPED):
        raise NotFinite("no number")
    save(tmp_path, 5)
    with pytest.raises(ValueError, match="no number; .*last, of step-000005, is the last good state$"):
        with saved_whole(tmp_path, TYPED):
            raise NotFinite("no number")


def test_rows_end_where_a_kill_cut_one_short(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    keep_rows(path, lambda row: row["step"] < 3)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_second_ctrl_c_tells_what_is_left_and_the_first_one_tells_its_own(tmp_path: Path) -> None:
    save(tmp_path, 5)
    with pytest.raises(KeyboardInterrupt, match=f"of step-000005, is the last good state; {TYPED} goes on from there$"):
        with saved_whole(tmp_path, TYPED):
            raise KeyboardInterrupt
    with pytest.raises(Interrupted, match="^saved after step 7; again goes on$"), saved_whole(tmp_path, TYPED):
        stopped(2, "saved after step 7", "again", first=True)
