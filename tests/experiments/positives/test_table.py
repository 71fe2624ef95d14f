"""The table of the arms, on figures that are made up, and the orders that are given to `captioner metric train`."""

from __future__ import annotations

import json
from argparse import Namespace

import pytest

from experiments.positives import __main__ as experiment
from experiments.positives.arms import ARMS, GROUPS
from experiments.positives.table import MEASURES, PAPER, write_table
from tests.test_docs import complaint


def figures(tau: float) -> dict[str, float]:
    return dict.fromkeys(MEASURES.values(), 12.0) | {"tau_b": tau, "i2t_r1": 0.5, "t2i_r1": 0.25}


def test_no_name_of_an_arm_is_used_twice():
    assert len(ARMS) == sum(map(len, GROUPS.values()))


def test_each_arm_has_a_row_and_its_difference_of_the_same_seed(tmp_path, capsys):
    cells = {("0", PAPER): figures(0.4), ("1", PAPER): figures(0.6)}
    cells |= {("0", "neither"): figures(0.39), ("1", "neither"): figures(0.63)}
    write_table(tmp_path / "table.md", figures(0.3), cells, 100, 64)
    text = (tmp_path / "table.md").read_text()
    assert f"| kind | {PAPER} | 0.500 ± 0.141 | 0.500 ± 0.000 | 0.250 ± 0.000 | 12.0 ± 0.0 |" in text
    assert "| | CLIP-S | 0.300 | 0.500 | 0.250 | 12.0 |" in text
    assert "- neither: +0.010 ± 0.028 (-0.010, +0.030)" in text
    assert "seeds 0, 1, 100 steps of 64 pictures" in text
    assert json.loads((tmp_path / "table.json").read_text())["neither, seed 1"]["tau_b"] == 0.63
    assert capsys.readouterr().out.strip() == text.strip()


def test_each_arm_gives_flags_that_the_command_takes(tmp_path, monkeypatch):
    orders = []
    monkeypatch.setattr(experiment, "run_apart", lambda *words: orders.append([str(word) for word in words]))
    monkeypatch.setattr(experiment, "report_of", lambda out: {"after": {}})
    monkeypatch.setattr(experiment, "audited", lambda score, out: {})
    args = Namespace(out=tmp_path, data="scenes", steps=100, batch_size=64)
    for name in ARMS:
        experiment.run(("0", name), {name: tmp_path / "made"}, args)
    assert len(orders) == len(ARMS)
    assert [complaint(["captioner", *order]) for order in orders] == [""] * len(ARMS)
    assert len({order[order.index("--out") + 1] for order in orders}) == len(ARMS)


def test_an_unknown_group_is_refused():
    with pytest.raises(SystemExit, match="no group 'kinds'; type some of kind, weight"):
        experiment.group_of("kinds")
