"""The memory of the process and the machine, against psutil and against a container's files."""

from __future__ import annotations

import sys

import psutil
import pytest

from metric.runtime import memory


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_figures_are_psutils(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "GROUP", tmp_path)  # no limit of a container
    assert memory.resident() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    assert memory.free() == pytest.approx(psutil.virtual_memory().available, rel=0.1)
    assert memory.peak() >= memory.resident()


@pytest.mark.parametrize("most, left", [("5000", 3000), ("1000", 1), ("max", None)])
def test_a_container_has_what_its_limit_leaves(monkeypatch, tmp_path, most, left):
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    (tmp_path / "memory.max").write_text(f"{most}\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory.free() == left
