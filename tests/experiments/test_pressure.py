"""The tables of the pressure bench, on runs that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import pressure, pressure_tables
from experiments.pressure_tables import Result
from tests.test_docs import complaint


def write_run(folder: Path, rewards: list[float], whole: list[float], scores: dict[str, float]) -> Path:
    """A run with a reward at each step, and a validation before the first step and after every tenth."""
    rows: list[dict] = [{"stage": "reward", "step": 0, "val/scene_grammatical": 100.0}]
    rows += [{"stage": "reward", "step": step, "reward": value} for step, value in enumerate(rewards, 1)]
    rows += [{"stage": "reward", "step": 10 * n, "val/scene_grammatical": v} for n, v in enumerate(whole, 1)]
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "scores-test.json").write_text(json.dumps({"corpus": scores}))
    captions = ["a cat in the snow", "a orange cat"] if rewards else ["a cat in the snow"] * 2
    (folder / "captions-test.jsonl").write_text("".join(json.dumps({"caption": text}) + "\n" for text in captions))
    return folder


@pytest.fixture
def result(tmp_path) -> Result:
    scores = [{"scene_grammatical": 90.0, "rep_4": 0.1}, {"scene_grammatical": 80.0, "rep_4": 0.3}]
    rewards = [[1.0] * 10 + [1.2] * 10, [2.0] * 10 + [2.2] * 10]
    runs = [write_run(tmp_path / f"a{n}", rewards[n], [95.0, 60.0 + n], scores[n]) for n in (0, 1)]
    starts = [write_run(tmp_path / f"xe{n}", [], [], {"scene_grammatical": 100.0, "rep_4": 0.0}) for n in (0, 1)]
    return Result("CLIP-S, sampled-2e-4", runs, starts)


def test_the_gain_is_that_of_the_ten_steps_before_a_validation_over_the_first_five(result):
    assert pressure_tables.gains(result.runs[0]).tolist() == pytest.approx([0, 20])
    assert result.own_gain().tolist() == pytest.approx([20, 10])


def test_the_curve_begins_with_the_captions_of_cross_entropy(result):
    x, y = pressure_tables.curve(result)
    assert x.tolist() == pytest.approx([0, 0, 15]) and y.tolist() == [[100, 95, 60], [100, 95, 61]]


def test_the_spread_is_half_of_the_interval_of_the_mean(result):
    half = 12.706 * np.std([1.0, 3.0], ddof=1) / 2**0.5  # Student's t of one degree of freedom
    assert pressure_tables.spread(np.array([1.0, 3.0]), 1) == f"2.0 ± {half:.1f}"
    assert pressure_tables.spread(np.array([1.5]), 1) == "1.5"


def test_the_report_has_table_numbers_and_picture_with_and_without_a_judge(result, tmp_path, capsys):
    table, picture = tmp_path / "t.md", tmp_path / "p.png"
    pressure_tables.report([result], table, picture)
    assert "| CLIP-S, sampled-2e-4 | 15.0 ± 63.5 |" in table.read_text() and "judge" not in table.read_text()
    assert "| CLIP-S, sampled-2e-4 | 50.0 | 0.0 |" in table.read_text() and "| XE | 0.0 | 0.0 |" in table.read_text()
    assert picture.stat().st_size > 1000
    for run in [*result.runs, *result.starts]:
        (run / "judged.json").write_text(json.dumps({"corpus": {"clip_s": 1.5}}))
    pressure_tables.report([result], table, picture)
    assert json.loads(table.with_suffix(".json").read_text())[result.name]["judge"] == [1.5, 1.5]


@pytest.mark.parametrize("name", [name for name in pressure.names() if name != pressure.GUIDED])
@pytest.mark.parametrize("kind", list(pressure.ALL_PRESSURES))
def test_every_arm_is_a_command_that_is_accepted(name, kind):
    flags = pressure.Arm(name, kind, "0").flags(Path("metrics"))
    assert complaint(["captioner", "train", "--out", "x", *map(str, flags)]) == ""


def test_arms_have_the_names_of_the_field():
    assert pressure.Arm("hard+kl", "sampled-2e-4", "0").title == "PAC-S++ hard +kl"


def test_an_arm_that_is_not_there_is_refused_and_one_without_a_best_of_samples_is_told(capsys):
    with pytest.raises(SystemExit, match="hrd"):
        pressure.known([pressure.Arm("hrd", "1e-4", "0")])
    names = ("cider", "clips", "hard+kl")
    assert [arm.name for arm in pressure.known([pressure.Arm(name, pressure.BEST, "0") for name in names])] == ["clips"]
    said = capsys.readouterr().out
    assert "best-of-8 has no cider: left out" in said and "best-of-8 has no hard+kl: left out" in said
    guided = [pressure.Arm(name, kind, "0") for name in ("guided", "clips") for kind in ("1e-4", "guidance-2")]
    assert pressure.known(guided) == [guided[1], guided[2]]


def test_guidance_is_another_decoding_of_a_model_that_saw_no_picture_now_and_then(tmp_path, monkeypatch):
    typed: list[list[str]] = []
    monkeypatch.setattr(pressure, "run_apart", lambda *words: typed.append([*map(str, words)]))
    monkeypatch.setattr(pressure, "copyfile", lambda source, to: typed.append([source.name, to.parent.name]))
    pressure.trained(pressure.Arm("guided", "guidance-2", "1"), tmp_path, tmp_path, ())
    assert typed[0][:2] == ["evaluate", str(tmp_path / "dropped-1")] and complaint(["captioner", *typed[0]]) == ""
    assert typed[0][-4:] == ["--guidance", "2", "--as", "guidance-2"]
    assert typed[1:] == [
        [f"{file}", "guided-guidance-2-1"] for file in ("captions-test@guidance-2.jsonl", "scores-test@guidance-2.json")
    ]
    assert complaint(["captioner", "train", "--out", "x", *map(str, pressure.DROPPED)]) == ""


def test_the_best_of_samples_is_chosen_once_and_has_no_gain_and_no_curve(result, tmp_path, monkeypatch, capsys):
    typed: list[list[str]] = []

    def evaluate(*words):
        typed.append([*map(str, words)])
        for file in ("scores-test.json", "captions-test.jsonl"):
            stem, ending = file.split(".")
            (words[1] / f"{stem}@clips.{ending}").write_bytes((words[1] / file).read_bytes())

    monkeypatch.setattr(pressure, "run_apart", evaluate)
    arms = [pressure.Arm("clips", pressure.BEST, seed) for seed in "01"]
    monkeypatch.setattr(pressure.Arm, "start", lambda arm, out: result.starts[int(arm.seed)])
    for arm in arms * 2:
        pressure.trained(arm, tmp_path, tmp_path, ())
    assert len(typed) == 2 and complaint(["captioner", *typed[0]]) == ""
    best = Result("CLIP-S, best-of-8", [arm.folder(tmp_path) for arm in arms], result.starts)
    pressure_tables.report([best], tmp_path / "t.md", tmp_path / "p.png")
    assert "| CLIP-S, best-of-8 | - | 0.000 ± 0.000 | 100.0 ± 0.0 |" in (tmp_path / "t.md").read_text()
    assert not (tmp_path / "p.png").exists()
