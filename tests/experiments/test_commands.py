"""Experiments go on where they stopped, and end with the exit code of the command that failed."""

from __future__ import annotations

import pytest

from experiments import arms, commands


def test_a_failed_command_ends_the_experiment(capsys):
    with pytest.raises(SystemExit) as ended:
        commands.run_captioner("train", "--out", "x", "--no-such-flag")
    assert ended.value.code == 2 and "--no-such-flag" in capsys.readouterr().err


def test_a_run_that_was_begun_is_resumed(tmp_path, monkeypatch):
    typed = []
    monkeypatch.setattr(commands, "run_captioner", lambda *words: typed.append(words))
    commands.train(tmp_path, "--seed", 1)
    (tmp_path / "config.json").write_text("{}")
    commands.train(tmp_path, "--seed", 1)
    assert typed == [("train", "--out", tmp_path, "--seed", 1), ("train", "--out", tmp_path, "--resume")]


def test_an_arm_is_trained_and_scored_once(tmp_path, monkeypatch):
    typed = []
    monkeypatch.setattr(arms, "run_apart", lambda *words: typed.append(words[0]))
    arms.train_and_score(tmp_path, "--seed", 1)
    (tmp_path / "scores-test.json").write_text("{}")
    arms.train_and_score(tmp_path, "--seed", 1)
    assert typed == ["train", "evaluate"]


def test_a_figure_over_seeds_has_mean_spread_and_each_seed():
    assert arms.over_seeds([0.1, 0.3]) == "+0.200 ± 0.141 (+0.100, +0.300)"
    assert arms.over_seeds([0.5]) == "+0.500 ± 0.000 (+0.500)"
