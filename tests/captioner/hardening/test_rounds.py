"""Rounds of hardening with a tiny metric and a tiny captioner that has learned nothing, so that all it says is new."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest

from captioner.cli import main
from captioner.hardening import collection, rounds
from captioner.hardening.curve import report
from captioner.hardening.rounds import Hardening, harden
from captioner.hardening.stages import rewarded

pytestmark = pytest.mark.usefixtures("few_scenes")

METRIC = "metric train --data scenes:count=40 --steps 2 --batch-size 8 --val-every 0 --negatives 2".split()


@pytest.fixture(scope="module")
def pressed(tmp_path_factory, tiny_clip, tiny_flags, few_scenes) -> Path:
    """A folder with a metric and a run that was pressed on it."""
    folder = tmp_path_factory.mktemp("pressed")
    assert main([*METRIC, "--clip", tiny_clip, "--out", str(folder / "metric")]) == 0
    reward = ["--reward", f"pacspp_hard:checkpoint={folder / 'metric'}", "--rl.steps", "1", "--xe.steps", "1"]
    assert main(["train", *tiny_flags, *reward, "--out", str(folder / "run")]) == 0
    return folder


def words(pressed: Path, out: Path, *more: str) -> list[str]:
    flags = ["--metric", str(pressed / "metric"), "--runs", str(pressed / "run"), "--out", str(out)]
    return ["metric", "harden", *flags, "--count", "30", *more]


def test_a_round_trains_the_metric_on_what_the_run_says_and_presses_again(pressed, tmp_path, capsys):
    out = tmp_path / "rounds"
    assert main(words(pressed, out, "--rounds", "1")) == 0
    found = [json.loads(line) for line in (out / "round-1" / "found.jsonl").read_text().splitlines()]
    assert found and all(row["id"].startswith("train-") for row in found)
    config = json.loads((out / "round-1" / "metric" / "config.json").read_text())
    assert config["negatives_from"] == str(out / "round-1" / "found.jsonl") and config["negatives"] == 2
    run = json.loads((out / "round-1" / "run" / "config.json").read_text())
    assert run["rewards"] == [f"pacspp_hard:checkpoint={out / 'round-1' / 'metric'}"]
    rows = json.loads((out / "rounds.json").read_text())
    assert [row["round"] for row in rows] == [0, 1] and 0 <= rows[1]["audit_mean"] <= rows[1]["audit_worst"] <= 1
    assert (out / "rounds.png").is_file() and (out / "rounds.md").read_text().startswith("| round |")
    told = capsys.readouterr()
    assert f"pacspp_hard:checkpoint={out / 'round-1' / 'metric'}" in told.err

    metric = (out / "round-1" / "metric" / "report.json").stat().st_mtime_ns
    assert main(words(pressed, out, "--rounds", "1")) == 0  # a second call computes nothing again
    assert (out / "round-1" / "metric" / "report.json").stat().st_mtime_ns == metric
    assert json.loads((out / "rounds.json").read_text()) == rows


def test_rounds_of_other_inputs_are_not_taken_for_those_of_these(pressed, tmp_path, capsys):
    out = tmp_path / "rounds"
    (out / "round-1").mkdir(parents=True)
    assert main(words(pressed, out)) == 2 and "holds rounds without inputs.json" in capsys.readouterr().err
    (out / "round-1").rmdir()
    rounds.keep_inputs(Hardening(pressed / "metric", (pressed / "run",), out, count=30))
    copytree(pressed / "run", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"seed": 1}))
    for changes, said in (
        (("--count", "20"), "holds rounds with other count, 30, got 20; type another --out"),
        (("--runs", str(tmp_path / "run")), "holds rounds with other runs, "),
    ):
        assert main([*words(pressed, out), *changes]) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_the_metric_was_hardened_with_before_stays_among_its_negatives(pressed, tmp_path, monkeypatch):
    metric = tmp_path / "metric"
    copytree(pressed / "metric", metric)
    (metric / "found.jsonl").write_text(json.dumps({"id": "train-000000", "caption": "a dog of"}) + "\n")
    said = {f"train-00000{number}": "a cat of" for number in range(4)}
    monkeypatch.setattr(rounds, "audited", lambda *given: {})
    monkeypatch.setattr(collection, "captions_of_run", lambda run, count, device: (said, ["a cat", "a dog"]))
    rows = harden(Hardening(metric, (pressed / "run",), tmp_path / "rounds", 1))
    assert rows[0]["foreign"] == 1 and rows[0]["new_phrases"] == 0  # "of" was found before
    assert "a dog of" in (tmp_path / "rounds" / "round-1" / "found.jsonl").read_text()


def test_rounds_end_when_the_captioners_say_nothing_new(pressed, tmp_path, monkeypatch):
    texts = {"train-000000": "a red cat", "train-000001": "a dog"}
    monkeypatch.setattr(collection, "captions_of_run", lambda run, count, device: (texts, list(texts.values())))
    rows = harden(Hardening(pressed / "metric", (pressed / "run",), tmp_path / "rounds", 3))
    assert len(rows) == 1 and rows[0]["foreign"] == 0 and rows[0]["new_phrases"] == 0
    assert not (tmp_path / "rounds" / "round-1" / "metric").exists()


def test_phrases_of_earlier_rounds_are_not_new(tmp_path, monkeypatch):
    said = {str(n): "a dog of" for n in range(4)}
    monkeypatch.setattr(collection, "captions_of_run", lambda run, count, device: (said, ["a dog"]))
    first = collection.collect([Path("run")], 4, Path(), tmp_path / "1", "cpu")
    assert (first.share, first.new) == (1.0, ["of"])
    again = collection.collect([Path("run")], 4, tmp_path / "1" / "found.jsonl", tmp_path / "2", "cpu")
    assert again.phrases == ["of"] and again.new == []
    assert len((tmp_path / "2" / "found.jsonl").read_text().splitlines()) == 8


def test_the_tuned_clip_of_a_reward_becomes_the_new_metric_and_other_rewards_stay():
    assert rewarded(Path("b"), "pacspp:checkpoint=a,w=2.5,weight=0.5") == "pacspp_hard:checkpoint=b,w=2.5,weight=0.5"
    assert rewarded(Path("b"), "cider:weight=0.2") == "cider:weight=0.2"
    assert rewarded(Path("b"), "refpacspp:checkpoint=a") == "refpacspp_hard:checkpoint=b"
    assert rewarded(Path("b"), "refpacspp_hard:checkpoint=a") == "refpacspp_hard:checkpoint=b"


def test_the_table_has_a_dash_for_what_a_round_has_not(tmp_path, capsys):
    report(
        [{"round": 0, "foreign": 0.5, "audit_worst": 0.2, "audit_mean": 0.1}, {"round": 1, "audit_mean": 0.05}],
        tmp_path,
    )
    assert (tmp_path / "rounds.md").read_text().splitlines()[-1] == "| 1 | - | 5.0 | - |"


def test_shares_and_percentages_are_told_in_percent(tmp_path):
    report([{"round": 0, "audit_worst": 0.2, "audit_mean": 0.1, "foreign": 0.5, "scene_truth": 76.33}], tmp_path)
    assert (tmp_path / "rounds.md").read_text().splitlines()[-1] == "| 0 | 50.0 | 10.0 | 20.0 | 76.3 |"


def test_what_cannot_be_hardened_is_refused_in_one_line(pressed, tmp_path, tiny_clip, tiny_flags, capsys):
    def refused(*changes: str) -> str:
        assert main([*words(pressed, tmp_path / "x"), *changes]) == 2
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "is no folder of captioner metric train" in refused("--metric", str(tmp_path))
    assert "is not a run" in refused("--runs", str(tmp_path))
    assert "--rounds is 1 or more, got 0" in refused("--rounds", "0")
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--out", str(tmp_path / "xe")]) == 0
    assert "was trained on no reward" in refused("--runs", str(tmp_path / "xe"))
    settings = json.loads((pressed / "metric" / "config.json").read_text())
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "config.json").write_text(json.dumps(settings | {"negatives": 0}))
    assert "was trained without negatives" in refused("--metric", str(tmp_path / "plain"))
