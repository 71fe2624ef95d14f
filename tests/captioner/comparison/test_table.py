"""Runs side by side: what is a row, what it is called, what is refused."""

import json
import statistics
from pathlib import Path

import pytest

from captioner.comparison.table import Comparison, compare
from metric.scores import catalogue

SCORES = {"cider": 1.0, "clip_s": 0.6, "rep_4": 0.5, "length": 12.0}


def write_run(
    folder: Path,
    rewards: list[str] | None = None,
    seed: int = 0,
    corpus: dict[str, float] = SCORES,
    objective: dict | None = None,
    metrics: list[dict] | None = None,
    captions: dict[str, str] | None = None,
    **more,
) -> Path:
    """A run folder as training and evaluation leave it; `more` goes into config.json or the scores."""
    captions = captions or {"1": "a cat", "2": "a dog"}
    scores = {
        "corpus": corpus,
        "count": len(captions),
        "skipped": {},
        "facts": {"incorrect": "languagetool 6.8"},
    }
    scores |= {key: more.pop(key) for key in ("skipped", "facts", "checkpoint") if key in more}
    config = {"seed": seed, "data": "scenes", "clip": "scenes-clip", "rewards": rewards or []}
    config |= {"objective": objective or {"lr": 5e-5, "steps": 100}, "commit": "abc1234", **more}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics or []))
    (folder / "scores-test.json").write_text(json.dumps(scores))
    said = [json.dumps({"id": name, "caption": caption}) + "\n" for name, caption in captions.items()]
    (folder / "captions-test.jsonl").write_text("".join(said))
    return folder


def labels(comparison: Comparison) -> list[str]:
    return [row.label for row in comparison.rows]


def cell(comparison: Comparison, label: str, score: str):
    row = labels(comparison).index(label)
    return comparison.cells()[row][[column.name for column in comparison.columns].index(score)]


def test_seeds_of_one_experiment_are_one_row_with_mean_and_sample_deviation(tmp_path):
    values = [1.0, 1.2, 1.7]
    runs = [write_run(tmp_path / str(seed), seed=seed, corpus={"cider": values[seed]}) for seed in (2, 0, 1)]
    (row,) = compare(runs).rows
    assert row.seeds == (0, 1, 2)
    assert row.scores["cider"].values == tuple(values)
    assert row.scores["cider"].mean == pytest.approx(1.3)
    assert row.scores["cider"].spread == pytest.approx(statistics.stdev(values))
    assert str(compare(runs).cells()[0][0]) == "1.300 ± 0.361"  # sqrt((.09 + .01 + .16) / 2)


def test_one_seed_has_no_spread(tmp_path):
    comparison = compare([write_run(tmp_path / "a")])
    assert str(cell(comparison, "XE", "cider")) == "1"
    assert comparison.rows[0].scores["cider"].spread is None


def test_xe_comes_first_and_labels_name_rewards_and_weights(tmp_path):
    runs = [
        write_run(tmp_path / "a", ["pacspp:checkpoint=runs/m"]),
        write_run(tmp_path / "b", ["cider:weight=0.2", "pacspp"]),
        write_run(tmp_path / "c"),
        write_run(tmp_path / "d", ["clips"]),
        write_run(tmp_path / "e", ["mine"]),
        write_run(tmp_path / "f", ["pacspp_hard:checkpoint=runs/n"]),
    ]
    assert labels(compare(runs)) == ["XE", "+PAC-S++", "+CIDEr 0.2 · PAC-S++ 1", "+CLIP-S", "+mine", "+PAC-S++ hard"]


def test_equal_labels_are_told_apart_by_what_differs(tmp_path):
    runs = [
        write_run(tmp_path / "a", ["clips"]),
        write_run(tmp_path / "b", ["clips"], objective={"lr": 4e-4, "steps": 100}),
        write_run(tmp_path / "c", ["pacspp"]),
    ]
    assert labels(compare(runs)) == ["+CLIP-S lr 5e-5", "+CLIP-S lr 4e-4", "+PAC-S++"]


def test_a_mix_that_has_a_reward_twice_is_told_apart_by_the_options_of_both(tmp_path):
    one = write_run(tmp_path / "a", ["repetition:n=2", "repetition:n=4"], 0)
    other = write_run(tmp_path / "b", ["repetition:n=3", "repetition:n=4"], 1)
    assert [label.split(" repetition.")[1:] for label in labels(compare([one, other]))] == [["n 2"], ["n 3"]]


def test_a_path_is_shortened_no_further_than_it_differs(tmp_path):
    runs = [write_run(tmp_path / name, ["cider"], init=f"{name}/xe/") for name in ("a", "b")]
    assert labels(compare(runs)) == ["+CIDEr init a/xe", "+CIDEr init b/xe"]


def test_seeds_may_read_other_folders_but_one_seed_twice_parts_the_row(tmp_path):
    metrics = [
        write_run(tmp_path / f"{name}{seed}", [f"pacspp:checkpoint=m/{name}"], seed, init=f"xe/{seed}")
        for name in ("lora", "full")
        for seed in (0, 1)
    ]
    assert labels(compare([metrics[0], metrics[3]])) == ["+PAC-S++"]  # lora of seed 0, full of seed 1
    assert labels(compare(metrics)) == ["+PAC-S++ pacspp.checkpoint lora", "+PAC-S++ pacspp.checkpoint full"]
    assert [row.seeds for row in compare(metrics).rows] == [(0, 1), (0, 1)]


def test_the_score_that_was_trained_is_marked_and_only_there(tmp_path):
    comparison = compare([write_run(tmp_path / "a"), write_run(tmp_path / "b", ["CLIP-S"])])
    marked = [(row.label, column.name) for row, cells in zip(comparison.rows, comparison.cells())
              for column, cell in zip(comparison.columns, cells) if cell.trained]  # fmt: skip
    assert marked == [("+CLIP-S", "clip_s")]
    assert comparison.table().count("◆") == 2  # and in the legend


@pytest.mark.parametrize(
    ("reward", "scores"),
    [
        ("repetition", {"rep_4"}),
        ("repetition:n=2", {"rep_2"}),
        ("repetition:n=2,rate=yes", {"rep_2_rate"}),
        ("grammar:checker=harper", {"incorrect"}),
        ("bad_endings", {"bad_endings"}),
        ("pacspp:checkpoint=m", {"pac_spp"}),
        ("cider:weight=0", set()),
    ],
)
def test_rewards_mark_the_scores_that_they_are(reward, scores, tmp_path):
    (outcome,) = compare([write_run(tmp_path / "a", [reward])]).outcomes
    assert {name for name in catalogue.SCORES if outcome.trained_on(name)} == scores


def test_best_follows_the_direction_of_each_score(tmp_path):
    low = {"cider": 0.9, "rep_4": 0.1, "length": 8.0, "clip_s": 0.6}
    comparison = compare([write_run(tmp_path / "a"), write_run(tmp_path / "b", ["cider"], corpus=low)])
    best = {
        column.name: [row.label for row, cell in zip(comparison.rows, comparison.line(column)) if cell.best]
        for column in comparison.columns
    }
    assert best == {"cider": ["XE"], "clip_s": [], "rep_4": ["+CIDEr"], "length": []}  # clip_s is a tie


def test_a_missing_score_is_a_dash_with_its_reason(tmp_path):
    without = {"cider": 1.0}
    runs = [
        write_run(tmp_path / "a"),
        write_run(tmp_path / "b", ["cider"], corpus=without, skipped={"clip_s": "no CLIP"}),
    ]
    comparison = compare(runs)
    assert str(cell(comparison, "+CIDEr", "clip_s")) == "–"
    assert "CLIP-S: no CLIP (+CIDEr)" in comparison.missing()
    assert "Rep-4: not asked for (+CIDEr)" in comparison.missing()


def test_a_score_that_one_seed_lacks_is_not_averaged(tmp_path):
    runs = [write_run(tmp_path / "a"), write_run(tmp_path / "b", seed=1, corpus={"cider": 1.0})]
    comparison = compare(runs)
    assert [column.name for column in comparison.columns] == ["cider"]
    assert comparison.rows[0].why_missing("clip_s") == "seed 1: not asked for"


def test_two_checkers_are_pointed_out(tmp_path):
    runs = [
        write_run(tmp_path / "a"),
        write_run(tmp_path / "b", ["cider"], facts={"incorrect": "harper 0.1"}),
    ]
    (line,) = compare(runs).disagreements()
    assert "Incorrect %" in line and "languagetool 6.8" in line and "harper 0.1" in line


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="is not a run: it has no config.json"):
        compare([tmp_path / "a"])


def test_a_run_without_scores_says_what_to_type(tmp_path):
    run = write_run(tmp_path / "a")
    with pytest.raises(ValueError, match=f"captioner evaluate {run} --split val"):
        compare([run], split="val")


@pytest.mark.parametrize(
    "other, message",
    [
        ({"data": "flickr8k"}, "one data: .*scenes, .*flickr8k"),
        ({"captions": {"1": "a cat"}}, "number of captions: .* 2, .* 1"),
        ({"captions": {"1": "a cat", "3": "a dog"}}, "different pictures"),
        ({"rewards": []}, r"one experiment \(XE\) with one seed \(0\)"),
    ],
)
def test_runs_that_belong_in_two_tables_are_refused(tmp_path, other, message):
    runs = [write_run(tmp_path / "a"), write_run(tmp_path / "b", **({"rewards": ["cider"]} | other))]
    with pytest.raises(ValueError, match=message):
        compare(runs)


def test_broken_json_is_said_with_file_and_line(tmp_path):
    run = write_run(tmp_path / "a")
    (run / "metrics.jsonl").write_text('{"step": 1}\n{"step"\n')
    with pytest.raises(ValueError, match="metrics.jsonl line 2 is not JSON"):
        compare([run])


@pytest.mark.parametrize("setting", [{"precision": "fp16"}, {"watch": "stop"}, {"data_fingerprint": "9 pictures, abc"}])
def test_runs_that_differ_in_more_than_their_seed_are_two_rows(tmp_path, setting):
    one = write_run(tmp_path / "one", seed=0, corpus={"cider": 1.0})
    two = write_run(tmp_path / "two", seed=1, corpus={"cider": 2.0}, **setting)
    assert len(compare([one, two]).rows) == 2


def test_an_unfinished_run_is_labelled_with_its_place_and_its_reward_is_not_marked_before_it_was_used(tmp_path):
    settings = {"model": {}, "decode": {}, "xe": {"steps": 4000}, "rl": {"steps": 30}}
    place = {"stage": "xe", "step": 119}
    whole = write_run(tmp_path / "whole", rewards=["cider"], seed=0, corpus={"cider": 2.0}, **settings)
    early = write_run(
        tmp_path / "early", rewards=["cider"], seed=1, corpus={"cider": 0.1}, checkpoint=place, **settings
    )
    late = {"stage": "reward", "step": 4}
    amid = write_run(tmp_path / "amid", rewards=["cider"], seed=2, corpus={"cider": 1.1}, checkpoint=late, **settings)
    got = compare([whole, early, amid])
    assert set(labels(got)) == {"+CIDEr", "+CIDEr (xe step 119 of 4000)", "+CIDEr (reward step 4 of 30)"}
    assert [row.first.trained_on("cider") for row in got.rows] == ["xe" not in row.label for row in got.rows]


def test_seeds_of_the_best_checkpoint_are_one_row_that_names_the_choice_and_the_steps(tmp_path):
    settings = {"model": {}, "decode": {}, "xe": {"steps": 10}, "rl": {"steps": 30}, "keep_best": "cider"}
    runs = []
    for seed, step in enumerate((20, 0)):
        best = {"name": "best", "stage": "reward", "step": step, "run": {"stage": "reward", "step": 30}}
        folder = tmp_path / str(seed)
        runs.append(write_run(folder, rewards=["cider"], seed=seed, checkpoint=best, **settings))
    got = compare(runs)
    assert labels(got) == ["+CIDEr (best by cider)"]
    assert got.rows[0].models == "reward step 20 of 30 | reward step 0 of 30"
    assert got.rows[0].models in got.table()
    assert [run.trained_on("cider") for run in got.rows[0].outcomes] == [True, False]  # step 0 has seen no reward
    early = {"name": "reward-000020", "stage": "reward", "step": 20, "run": {"stage": "reward", "step": 30}}
    third = write_run(tmp_path / "third", rewards=["cider"], seed=0, checkpoint=early, **settings)
    assert labels(compare([*runs, third])) == ["+CIDEr (best by cider)", "+CIDEr (reward step 20 of 30)"]


def test_the_best_of_a_run_that_is_not_finished_says_so(tmp_path):
    settings = {"model": {}, "decode": {}, "xe": {"steps": 10}, "rl": {"steps": 30}}
    best = {"name": "best", "stage": "reward", "step": 5, "run": {"stage": "reward", "step": 20}}
    run = write_run(tmp_path / "run", rewards=["cider"], checkpoint=best, **settings)
    assert labels(compare([run])) == ["+CIDEr (best by the watch, reward step 20 of 30)"]


@pytest.mark.parametrize(
    ("more", "metrics"),
    [
        ({"watch": "stop"}, [{"stage": "reward", "step": 10, "watch": ["rep_4 0 -> 2"]}]),
        (
            {"keep_best": "cider", "xe": {"steps": 40, "patience": 2}, "rewards": []},
            [{"stage": "xe", "step": 2 + i, "val/cider": 1.0 - i / 10} for i in range(9)],
        ),
    ],
)
def test_a_run_that_ended_early_for_a_reason_is_finished(tmp_path, more, metrics):
    settings = {"model": {}, "decode": {}, "xe": {"steps": 10}, "rl": {"steps": 30}, "rewards": ["cider"], **more}
    stage = metrics[0]["stage"]
    done, before = ({"name": "last", "stage": stage, "step": step} for step in (10, 1))
    end = write_run(tmp_path / "end", metrics=metrics, checkpoint=done, **settings)
    amid = write_run(tmp_path / "amid", metrics=metrics, checkpoint=before, seed=1, **settings)
    assert [run.unfinished != "" for run in compare([end, amid]).outcomes] == [False, True]


def test_decoding_that_evaluation_replaced_parts_rows_and_is_pointed_out(tmp_path):
    settings = {"decode": {"beams": 5, "max_length": 20}}
    same = {"beams": 5, "max_length": 20, "length_penalty": 0.0, "no_repeat_ngram": 0}
    runs = [write_run(tmp_path / str(i), seed=i, **settings) for i in range(2)]
    for number, decode in ((0, same), (1, same | {"beams": 1, "no_repeat_ngram": 3})):
        scores = json.loads((runs[number] / "scores-test.json").read_text())
        (runs[number] / "scores-test.json").write_text(json.dumps(scores | {"decode": decode}))
    third = write_run(tmp_path / "third", seed=2, **settings)  # a score file of before
    got = compare([*runs, third])
    assert labels(got) == ["XE", "XE, beams 1, no repeat ngram 3"]
    assert [row.seeds for row in got.rows] == [(0, 2), (1,)]
    (line,) = got.disagreements()
    assert "beams 5, max_length 20 (2 of 3 runs); beams 1, max_length 20, no_repeat_ngram 3 (1 of 3 runs)" in line
    assert not compare([runs[0], third]).disagreements()


def test_a_score_file_without_a_place_says_that_it_is_not_recorded(tmp_path):
    assert compare([write_run(tmp_path / "old")]).rows[0].models == "not recorded"


def test_a_finished_run_says_nothing_of_its_place(tmp_path):
    settings = {"model": {}, "decode": {}, "xe": {"steps": 4000}, "rl": {"steps": 30}}
    place = {"stage": "reward", "step": 30}
    run = write_run(tmp_path / "run", rewards=["cider"], seed=0, corpus={"cider": 2.0}, checkpoint=place, **settings)
    assert labels(compare([run])) == ["+CIDEr"]
