"""The versions that are tested: floors of setup.cfg, and the newest by pip's report."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement

from experiments.pins import ROOT, TESTED, main, of_report, oldest, plain

CONFIG = """
[options]
install_requires =
    torch>=2.4
    harper-py
[options.extras_require]
video =
    av>=14
test =
    %(video)s
    pytest>=8
docs =
    sphinx>=8
"""


def test_floors_are_pinned_with_those_of_the_extras(tmp_path):
    (tmp_path / "setup.cfg").write_text(CONFIG)
    assert oldest(tmp_path / "setup.cfg", ["test"]) == ["torch==2.4", "harper-py", "av==14", "pytest==8"]


def test_floors_are_met_here_and_by_the_constraints():
    """packaging is the second source: each pin, read as a floor, admits what is installed and what is constrained."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {plain(name): release for name, release in (line.split("==") for line in lines)}
    for line in oldest(ROOT / "setup.cfg", TESTED):
        floor = Requirement(line.replace("==", ">="))
        assert pinned[plain(floor.name)] in floor.specifier
        if floor.name in ("torch", "numpy", "pillow"):
            assert version(floor.name) in floor.specifier


def test_constraints_are_what_pip_would_install_but_for_this_package():
    names = [
        ("typing_extensions", "4.16.0"),
        ("captioner", "0.1.0"),
        ("setuptools", "84.2.1"),
        ("Jinja2", "3.1.6"),
        ("torch", "2.14.1"),
    ]
    report = {"install": [{"metadata": {"name": name, "version": release}} for name, release in names]}
    assert of_report(json.dumps(report)) == ["Jinja2==3.1.6", "torch==2.14.1", "typing_extensions==4.16.0"]


@pytest.mark.parametrize("typed", [["newest"], ["oldest", "report.json"]])
def test_a_report_belongs_to_the_newest_only(typed, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pins", *typed])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "newest takes the report of pip" in capsys.readouterr().err
