"""Steps that other processes prepare are those that this one would prepare, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from metric.runtime import ahead
from metric.runtime.ahead import helpers, made_ahead
from tests.places import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")
END = 20


def squared(step: int) -> tuple[int, torch.Tensor]:
    return os.getpid(), torch.full((3,), step**2)


@pytest.mark.parametrize("first", [0, 7])
def test_values_are_those_of_the_maker_and_are_made_elsewhere(first):
    with made_ahead(squared, END, 2) as made:
        found = [made(step) for step in range(first, END)]
    assert [value.tolist() for _, value in found] == [[step**2] * 3 for step in range(first, END)]
    assert os.getpid() not in {pid for pid, _ in found}
    with made_ahead(squared, END, 0) as made:
        assert made(3)[0] == os.getpid()


def test_an_error_of_the_maker_is_raised_as_it_is():
    def failing(step: int) -> int:
        if step == 2:
            raise ValueError("the picture a.jpg cannot be read")
        return step

    with made_ahead(failing, END, 2) as made:
        assert [made(0), made(1)] == [0, 1]
        with pytest.raises(ValueError, match="^the picture a.jpg cannot be read$"):
            made(2)


def test_steps_go_on_without_processes_that_were_killed(capsys):
    """As by a cluster's SIGTERM to all processes, or for want of memory: the run still has to end its step and save."""
    own = os.getpid()

    def killed(step: int) -> int:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGTERM)
        return step

    with made_ahead(killed, END, 2) as made:
        assert [made(step) for step in range(4)] == [0, 1, 2, 3]
    said = capsys.readouterr().err
    assert said.count("a process that prepares steps has ended; this one prepares step 1 and those behind it") == 1


def test_large_values_are_made_one_ahead(monkeypatch):
    monkeypatch.setattr(ahead, "WAITING", 1000)
    with made_ahead(lambda step: torch.zeros(100), 1000, 2) as made:
        made(0)
        made(4)
        assert 5 not in made.coming and made.many == 1


def test_what_is_made_ahead_is_bounded():
    with made_ahead(squared, 1000, 2) as made:
        made(0)
        assert sorted(made.coming) == [1, 2, 3]


@pytest.mark.parametrize(
    "kind, cores, processes, count",
    [
        ("cpu", 16, 1, 0),
        ("mps", 16, 1, 0),
        ("cuda", 16, 1, 8),
        ("cuda", 4, 1, 3),
        ("cuda", 16, 4, 3),
        ("cuda", 1, 1, 0),
    ],
)
def test_helpers_leave_a_core_to_each_process(kind, cores, processes, count, monkeypatch):
    monkeypatch.setattr(ahead, "cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert helpers(torch.device(kind)) == count


def test_forks_leave_the_environment_alone(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    with made_ahead(lambda step: os.environ.get("TOKENIZERS_PARALLELISM"), END, 1) as made:
        assert made(0) == "false"
    assert "TOKENIZERS_PARALLELISM" not in os.environ


PARENT = """
import os, time
from metric.runtime import ahead
ahead.WATCHED = 0.05
with ahead.made_ahead(lambda step: os.getpid(), 9, 1) as made:
    print(made(0), flush=True)
    time.sleep(60)
"""


def test_processes_end_when_their_parent_is_killed(tmp_path: Path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    helper = Path("/proc") / parent.stdout.readline().strip()
    assert helper.exists()
    parent.kill()
    parent.wait()
    ends = time.monotonic() + 20
    while running(helper) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not running(helper)
    parent.stdout.close()


def running(process: Path) -> bool:
    """Whether a process is there and has not ended. One that nobody waits for stays as a zombie."""
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
