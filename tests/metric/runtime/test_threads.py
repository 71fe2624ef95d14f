"""How threads wait: set before OpenMP reads it, and never against the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from captioner.cli import main
from metric.runtime.threads import SPINS, WAITING, refuse_no_threads, spin_briefly, waiting

ROOT = Path(__file__).parents[3]


def spins_of_openmp(*command: str, **chosen: str) -> str:
    """What OpenMP itself says it has read, while PyTorch is loaded by the command."""
    clean = {name: value for name, value in os.environ.items() if name not in WAITING}
    asked = {**clean, "OMP_DISPLAY_ENV": "VERBOSE", "PYTHONPATH": str(ROOT), **chosen}
    ran = subprocess.run([sys.executable, *command], env=asked, capture_output=True, text=True, check=True)
    return next(line for line in ran.stderr.splitlines() if "GOMP_SPINCOUNT" in line).partition("'")[2].rstrip("'")


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch has GNU OpenMP on Linux")
@pytest.mark.parametrize(
    "command",
    [("-m", "captioner", "rewards"), ("-c", "import experiments.comparison")],
    ids=["captioner", "experiments"],
)
def test_openmp_reads_the_short_spin(command):
    assert spins_of_openmp(*command) == SPINS


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch has GNU OpenMP on Linux")
def test_openmp_reads_what_the_user_has_set():
    assert spins_of_openmp("-c", "import experiments, torch", GOMP_SPINCOUNT="77") == "77"


@pytest.mark.parametrize("name", WAITING)
def test_a_chosen_policy_is_kept(name):
    environment = {name: "77"}
    spin_briefly(environment)
    assert environment == {name: "77"} and waiting(environment) == f"{name}=77"


@pytest.mark.parametrize("number", ["0", "-1", "two", "", "2,0"])
def test_no_threads_are_refused(number, monkeypatch, capsys):
    monkeypatch.setenv("OMP_NUM_THREADS", number)
    assert main(["rewards"]) == 2
    assert capsys.readouterr().err == (
        f"captioner: OMP_NUM_THREADS is a number of threads from 1, got {number!r}; "
        "type OMP_NUM_THREADS=1, or unset OMP_NUM_THREADS\n"
    )


def test_threads_of_nested_regions_are_taken():
    refuse_no_threads({"OMP_NUM_THREADS": "4,2"})
