"""Every command on an accelerator, in a process of its own: a pretend one, for which torch is changed, and a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch.utils import backend_registration

from tests.places import ROOT

COMMANDS = ("on_captioner", "on_metric", "on_programs")
GROUPS = ("on_device", *COMMANDS, "on_counts")
COMMAND = "-m pytest -q -p no:cacheprovider -p tests.pretend.plugin".split()


@pytest.fixture(scope="module")
def on_pretend(tmp_path_factory) -> ElementTree.Element:
    """The report of all groups on the pretend accelerator."""
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip(f"torch {torch.__version__} takes no device that is written in Python")
    return report(tmp_path_factory.mktemp("pretend"), "pretend", GROUPS)


@pytest.fixture(scope="module")
def on_gpu(tmp_path_factory) -> ElementTree.Element:
    """The report of the commands on the GPU of this machine, with what only a GPU has."""
    assert torch.cuda.is_available(), "tests marked gpu need a GPU that torch sees"
    return report(tmp_path_factory.mktemp("cuda"), "cuda", (*COMMANDS, "on_cuda"))


def report(folder: Path, device: str, groups: tuple[str, ...]) -> ElementTree.Element:
    """The report of groups in the form of JUnit."""
    out = folder / "results.xml"
    files = [str(ROOT / "tests" / "pretend" / f"{group}.py") for group in groups]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TESTS_DEVICE": device}
    strict = ("-W", "error") if device == "pretend" else ("-W", "default")  # drivers and compilers warn as they like
    command = [sys.executable, *strict, *COMMAND, *strict, f"--junit-xml={out}", *files]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert out.is_file(), ran.stdout + ran.stderr
    return ElementTree.parse(out).getroot()


def refuse_faults(results: ElementTree.Element, group: str) -> None:
    """Fails with the faults of a group, or where none of its tests was run."""
    cases = [case for case in results.iter("testcase") if case.get("classname", "").endswith(group)]
    faults = {case.get("name"): fault.text for case in cases for fault in case if fault.tag in ("failure", "error")}
    assert not faults, "\n\n".join(f"{name}\n{text}" for name, text in faults.items())
    assert cases, "no test of the group was run"


@pytest.mark.parametrize("group", GROUPS)
def test_everything_works_on_a_pretend_accelerator(group, on_pretend):
    refuse_faults(on_pretend, group)


@pytest.mark.gpu
@pytest.mark.parametrize("group", (*COMMANDS, "on_cuda"))
def test_everything_works_on_a_gpu(group, on_gpu):
    refuse_faults(on_gpu, group)
