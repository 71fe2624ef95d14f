"""Every command on a pretend accelerator. torch is changed for it, so its tests run in a process of their own."""

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

GROUPS = ("on_device", "on_captioner", "on_metric", "on_programs", "on_counts")
COMMAND = "-W error -m pytest -q -p no:cacheprovider -p tests.pretend.plugin".split()


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> ElementTree.Element:
    """The report of all groups, in the form of JUnit."""
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip(f"torch {torch.__version__} takes no device that is written in Python")
    out: Path = tmp_path_factory.mktemp("pretend") / "results.xml"
    files = [str(ROOT / "tests" / "pretend" / f"{group}.py") for group in GROUPS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *COMMAND, f"--junit-xml={out}", *files]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert out.is_file(), ran.stdout + ran.stderr
    return ElementTree.parse(out).getroot()


@pytest.mark.parametrize("group", GROUPS)
def test_everything_works_on_an_accelerator(group, results):
    cases = [case for case in results.iter("testcase") if case.get("classname", "").endswith(group)]
    faults = {case.get("name"): fault.text for case in cases for fault in case if fault.tag in ("failure", "error")}
    assert not faults, "\n\n".join(f"{name}\n{text}" for name, text in faults.items())
    assert cases, "no test of the group was run"
