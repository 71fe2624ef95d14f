"""The example of GRPO by TRL runs whole, and prints what its log holds."""

from __future__ import annotations

import json

import pytest

from experiments import trl_grpo


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_the_example_trains_and_prints_the_terms_of_its_log(tmp_path, capsys):
    assert trl_grpo.main(["--steps", "2", "--warm-up", "1", "--out", str(tmp_path / "out")]) == 0
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    said = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(said) if line.startswith("step"))
    assert said[start].split()[:4] == ["step", "reward", "quality/refclips", "quality/repetition"]
    assert len(log) == 2 and [float(line.split()[1]) for line in said[start + 1 : start + 3]] == [
        round(row["reward"], 3) for row in log
    ]


def test_the_table_has_the_mean_of_each_tenth():
    log = [{"reward": float(step), "rewards/a/mean": 1.0, "loss": 5.0} for step in range(20)]
    head, *table = trl_grpo.lines(log)
    assert head.split() == ["step", "reward", "rewards/a/mean"] and len(table) == 10
    assert table[-1].split() == ["20", "18.500", "1.000"]
