"""The launchers themselves: two processes of torchrun and of accelerate do what one does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"],
    "accelerate": ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"],
}


def start(*arguments: str) -> None:
    ran = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_launched_processes_do_what_one_does(launcher, model, tiny_clip, pictures, tmp_path):
    pytest.importorskip(LAUNCHERS[launcher][0])
    where = ["--model", str(model), "--images", str(pictures), "--batch-size", "2", "--checker", "none"]
    for name, started in (("one", []), ("two", [*LAUNCHERS[launcher], "-m"])):
        start(*started, "captioner", "caption", *where, "--out", str(tmp_path / f"{name}.jsonl"))
        start(*started, "captioner", "features", str(pictures), "--clip", tiny_clip, "--out", str(tmp_path / name))
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert len([*(tmp_path / "two.jsonl.work").glob("*-of-2.done")]) == 2
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
