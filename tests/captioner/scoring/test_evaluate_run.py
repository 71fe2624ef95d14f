from __future__ import annotations

import csv
import errno
import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.data import DATA, Format, load
from captioner.runs.folder import RunFolder
from metric.example import Example
from metric.scores.catalogue import expand_names
from rewards import Context, build
from rewards.spec import parse


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Twelve pictures, four a split."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = []
    for number in range(12):
        Image.effect_noise((20, 20), 10 + 10 * number).save(folder / f"{number}.png")
        texts = [f"a picture of {number} things", "many things"]
        split = ("train", "val", "test")[number % 3]
        rows.append({"image": f"{number}.png", "references": texts, "split": split})
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def run(tiny_flags, pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "xe"
    flags = [*tiny_flags, "--data", f"jsonl:file={pictures / 'data.jsonl'}", "--xe.steps", "2", "--checker", "harper"]
    assert main(["train", *flags, "--out", str(folder)]) == 0
    return folder


def scores(run: Path, split: str = "test") -> dict:
    return json.loads((run / f"scores-{split}.json").read_text())


def test_split_is_captioned_and_scored(run, capsys):
    assert main(["evaluate", str(run), "--split", "val"]) == 0
    rows = [json.loads(line) for line in (run / "captions-val.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["1.png", "4.png", "7.png", "10.png"]
    found = scores(run, "val")
    assert found["count"] == 4 and "harper" in found["facts"]["incorrect"]
    families = {name for family in ("classic", "plain", "text") for name in expand_names([family])}
    assert families | {"clip_s", "ref_clip_s"} == set(found["corpus"])
    tuned = {"pac_s", "ref_pac_s", "pac_spp", "ref_pac_spp", "pac_spp_hard", "ref_pac_spp_hard"}
    assert set(found["skipped"]) == {*tuned, *expand_names(["scene", "java", "data"])}
    said = capsys.readouterr().out
    assert "cider" in said and "skipped scene_truth, " in said and "scene_chair_s: 4 of 4 images are not drawn" in said


def test_its_scores_are_those_of_its_captions(run, pictures, tmp_path):
    main(["evaluate", str(run), "--scores", "classic,text"])
    data = ["--references", f"jsonl:file={pictures / 'data.jsonl'}", "--bootstrap", "0"]
    data += ["--scores", "classic,text:checker=harper"]
    captions = ["--captions", str(run / "captions-test.jsonl"), "--out", str(tmp_path / "scores.json")]
    assert main(["score", *captions, *data]) == 0
    place = {"name": "last", "stage": "xe", "step": 2}
    decode = {"beams": 2, "max_length": 8, "length_penalty": 0.0, "no_repeat_ngram": 0, "guidance": 1.0}
    theirs = json.loads((tmp_path / "scores.json").read_text())
    assert theirs | {"checkpoint": place, "decode": decode} == scores(run)


def test_each_caption_has_its_line_in_the_csv(run):
    main(["evaluate", str(run), "--scores", "length,rep_1"])
    rows = list(csv.reader((run / "scores-test.csv").read_text().splitlines()))
    assert rows[0] == ["id", "rep_1", "length"] and [row[0] for row in rows[1:]] == [
        "2.png",
        "5.png",
        "8.png",
        "11.png",
    ]


def test_tuned_metric_is_the_one_given(run, tiny_clip):
    main(["evaluate", str(run), "--scores", f"clip,pac_spp:checkpoint={tiny_clip}"])
    found = scores(run)
    # one CLIP for both: w is 2.5 and 2.0
    assert found["corpus"]["pac_spp"] == pytest.approx(found["corpus"]["clip_s"] * 2.0 / 2.5)


def test_unreadable_picture_is_left_aside_and_told(tiny_flags, pictures, tmp_path, capsys, caplog):
    data = tmp_path / "data"
    data.mkdir()
    for path in pictures.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    (data / "5.png").write_text("no picture")
    flags = ["--data", f"jsonl:file={data / 'data.jsonl'}", "--xe.steps", "1", "--checker", "harper"]
    run = tmp_path / "run"
    assert main(["train", *tiny_flags, *flags, "--out", str(run)]) == 0
    assert main(["evaluate", str(run), "--scores", "text,clip"]) == 0
    assert scores(run)["count"] == 3 and "1 picture left out: no picture of a known format" in caplog.text
    assert "5.png" in (run / "test.left-out.jsonl").read_text() and not (run / "left-out.jsonl").exists()
    assert main(["evaluate", str(run), "--scores", "text", "--strict"]) == 1
    assert main(["compare", str(run), "--out", str(tmp_path / "report")]) == 0
    assert "Length" in capsys.readouterr().out
    assert (tmp_path / "report" / "index.html").read_text().count("data:image/jpeg") >= 3


def test_scenes_are_scored_against_what_is_in_them(tiny_flags, tmp_path, monkeypatch):
    whole = DATA["scenes"].read

    def few(split: str, count: int) -> list[Example]:
        return whole(split, count)[:4]

    monkeypatch.setitem(DATA, "scenes", Format(few))
    run = str(tmp_path / "run")
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--out", run]) == 0
    assert main(["evaluate", run, "--scores", "scene", "--split", "ood"]) == 0
    assert list(scores(Path(run), "ood")["corpus"]) == expand_names(["scene"])


def test_nothing_is_lost_when_evaluating_fails(run, capsys):
    main(["evaluate", str(run), "--scores", "length"])
    before = (run / "captions-test.jsonl").read_bytes(), (run / "scores-test.json").read_bytes()
    capsys.readouterr()
    for flag, wrong in ("scores", "cidre"), ("split", "tset"), ("scores", "pac_spp:checkpoint=nonsense"):
        assert main(["evaluate", str(run), f"--{flag}", wrong]) == 2
        assert before == ((run / "captions-test.jsonl").read_bytes(), (run / "scores-test.json").read_bytes())
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and wrong.rpartition("=")[2] in said


def test_broken_settings_are_told_by_their_file(run, tmp_path, capsys):
    for content, words in ("{", "not JSON"), ('{"model_type": "captioner"}', "not a run"), ("[]", "not a run"):
        (tmp_path / "config.json").write_text(content)
        assert main(["evaluate", str(tmp_path)]) == 2
        assert words in capsys.readouterr().err


def test_the_place_of_the_scored_model_is_recorded_and_an_unfinished_run_told(tiny_flags, pictures, tmp_path, capsys):
    data = ["--data", f"jsonl:file={pictures / 'data.jsonl'}", "--checker", "none"]
    run = tmp_path / "run"
    assert main(["train", *tiny_flags, *data, "--xe.steps", "2", "--out", str(run)]) == 0
    config = json.loads((run / "config.json").read_text())
    assert main(["evaluate", str(run), "--scores", "length"]) == 0
    assert scores(run)["checkpoint"] == {"name": "last", "stage": "xe", "step": 2}
    assert "not finished" not in capsys.readouterr().err
    config["xe"]["steps"] = 5
    (run / "config.json").write_text(json.dumps(config))  # as if the run had been stopped after step 2
    assert main(["evaluate", str(run), "--scores", "length"]) == 0
    assert (
        f"{run} is not finished: xe step 2 of 5; `captioner train --out {run} --resume` goes on"
        in capsys.readouterr().err
    )


def test_decoding_of_an_evaluation_replaces_that_of_the_run_and_is_recorded(run, capsys):
    before = (run / "captions-test.jsonl").read_text()
    words = ["--beams", "1", "--max-length", "3", "--length-penalty", "0.5", "--no-repeat-ngram", "2"]
    assert main(["evaluate", str(run), "--scores", "length", *words, "--as", "short"]) == 0
    expected = {"beams": 1, "max_length": 3, "length_penalty": 0.5, "no_repeat_ngram": 2, "guidance": 1.0}
    assert scores(run, "test@short")["decode"] == expected
    assert (run / "captions-test@short.jsonl").read_text() != before == (run / "captions-test.jsonl").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-length", "9"], "--max-length must be at most 8, the longest caption that the captioner reads, got 9"),
        (["--max-length", "1"], "--max-length is 2 or more, got 1"),
        (["--no-repeat-ngram", "-1"], "--no-repeat-ngram is 0 or more, got -1"),
    ],
)
def test_decoding_out_of_range_is_refused_before_the_captions_are_replaced(run, refused, words, said):
    before = (run / "captions-test.jsonl").read_text()
    assert said in refused("evaluate", run, *words)
    assert (run / "captions-test.jsonl").read_text() == before


def test_a_length_penalty_that_is_no_number_is_one_line(run, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(run), "--length-penalty", "nan"])
    assert "argument --length-penalty: a finite number is expected, got 'nan'" in capsys.readouterr().err


def test_the_best_of_several_captions_is_a_row_of_its_own_and_leaves_the_plain_files(run, tmp_path, capsys):
    main(["evaluate", str(run), "--scores", "length,clip_s"])
    before = (run / "captions-test.jsonl").read_bytes(), (run / "scores-test.json").read_bytes()
    best = ["--scores", "length,clip_s", "--best-of", "4", "--reward", "clips"]
    assert main(["evaluate", str(run), *best]) == 0
    assert before == ((run / "captions-test.jsonl").read_bytes(), (run / "scores-test.json").read_bytes())
    assert scores(run, "test@best-of-4-clips")["best_of"]["rewards"] == ["clips"]
    said = capsys.readouterr()
    assert "+evaluate[best_of=4,by=1*CLIP-S[" in said.out and f"captioner compare {run} {run}@best-of-4" in said.err
    out = tmp_path / "both"
    assert main(["compare", str(run), f"{run}@best-of-4-clips", "--out", str(out)]) == 0
    rows = json.loads((out / "comparison.json").read_text())["rows"]
    assert [row["label"] for row in rows] == ["XE", "XE, best of 4 by CLIP-S"]
    assert [row["trained_on"] for row in rows] == [[], ["clip_s"]]
    assert rows[1]["scores"]["clip_s"]["mean"] == scores(run, "test@best-of-4-clips")["corpus"]["clip_s"]
    assert "best_of=4" in rows[1]["signature"]


def test_an_evaluation_of_one_name_is_not_replaced_by_another(run, refused):
    words = ["--scores", "length", "--as", "mine"]
    assert main(["evaluate", str(run), *words, "--beams", "1"]) == 0
    assert main(["evaluate", str(run), *words, "--beams", "1"]) == 0  # the same again
    said = refused("evaluate", run, *words, "--beams", "3")
    assert "scores-test@mine.json is of another evaluation, beams 1 of checkpoint last; type --as and another" in said


def test_cider_chooses_with_the_documents_of_the_training_captions(run):
    training = RunFolder(run).run
    assert main(["evaluate", str(run), "--scores", "length", "--best-of", "2", "--reward", "cider"]) == 0
    [signature] = scores(run, "test@best-of-2-cider")["best_of"]["signatures"]
    expected = build([parse("cider")], Context(load(training.data, "train")))
    assert signature == expected.signatures["cider"]


def test_a_choice_by_one_reward_is_not_replaced_by_that_of_the_same_reward_with_other_options(run, refused):
    words = ["--scores", "length", "--best-of", "2", "--reward"]
    assert main(["evaluate", str(run), *words, "repetition:n=2"]) == 0
    before = (run / "scores-test@best-of-2-repetition.json").read_text()
    said = refused("evaluate", run, *words, "repetition:n=4")
    assert "is of another evaluation, best of 2 by repetition:n=2 of checkpoint last; type --as and another" in said
    assert (run / "scores-test@best-of-2-repetition.json").read_text() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--guidance", "2"], "--guidance 2 needs a captioner that knows captions without a picture"),
        (["--guidance", "-1"], "--guidance is 0 or more, where 1 decodes without guidance, got -1"),
        (["--best-of", "4"], "--best-of needs --reward SPEC"),
        (["--best-of", "4", "--reward", "clps"], "clps"),
        (["--best-of", "4", "--reward", "truth"], "truth"),
        (["--as", "a/b"], "--as is a name"),
    ],
)
def test_an_evaluation_that_cannot_work_is_refused_before_any_file_is_written(run, refused, words, said):
    before = sorted(run.iterdir())
    assert said in refused("evaluate", run, *words)
    assert sorted(run.iterdir()) == before


def test_a_captioner_of_hidden_pictures_is_guided_and_compared(tiny_flags, pictures, tmp_path):
    run = tmp_path / "run"
    data = ["--data", f"jsonl:file={pictures / 'data.jsonl'}", "--checker", "none", "--xe.steps", "2"]
    assert main(["train", *tiny_flags, *data, "--xe.drop-features", "0.5", "--out", str(run)]) == 0
    for gamma in ("1", "2"):
        assert main(["evaluate", str(run), "--scores", "length", "--guidance", gamma]) == 0
    assert scores(run)["decode"]["guidance"] == 1 and scores(run, "test@guidance-2")["decode"]["guidance"] == 2
    assert main(["compare", str(run), f"{run}@guidance-2", "--out", str(tmp_path / "both")]) == 0
    rows = json.loads((tmp_path / "both" / "comparison.json").read_text())["rows"]
    assert [row["label"] for row in rows] == ["XE", "XE, guidance 2"]
    assert "drop_features=0.5" in rows[0]["signature"] and rows[1]["signature"].endswith("+evaluate[guidance=2.0]")
    words = ["--model", str(run), "--images", str(pictures), "--guidance", "2", "--checker", "none"]
    assert main(["caption", *words, "--out", str(tmp_path / "guided.jsonl")]) == 0
    assert json.loads((tmp_path / "guided.jsonl.work" / "settings.json").read_text())["guidance"] == 2


@pytest.mark.parametrize("file", ["captions-test.jsonl", "scores-test.json", "scores-test.csv"])
def test_full_disk_names_the_file_and_leaves_what_was_there(run, capsys, monkeypatch, file):
    def full(path: Path, *args: object, **named: object) -> object:
        if path.name.startswith(f".new-{file}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *args, **named)

    assert main(["evaluate", str(run), "--scores", "length"]) == 0
    before = (run / file).read_bytes()
    opened = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        assert main(["evaluate", str(run), "--scores", "length"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    line = f"the disk is full, and {run / file} cannot be written; make room, then type the same command again"
    assert said == f"captioner: {line}"
    assert (run / file).read_bytes() == before and not list(run.glob(".new-*"))
    assert main(["evaluate", str(run), "--scores", "length"]) == 0


def test_folder_that_cannot_be_written_is_told_before_the_captioning(run, refused, monkeypatch):
    monkeypatch.setattr("metric.storage.atomic_files.os.access", lambda place, mode: False)
    monkeypatch.setattr("captioner.scoring.evaluate_run.captions_of", None)
    assert f"{run} cannot be written; captions and scores are written into" in refused("evaluate", run)


def test_scores_that_cannot_be_computed_are_refused_before_the_captioning(run, capsys):
    assert main(["evaluate", str(run), "--scores", "novelty", "--as", "new"]) == 2
    assert "--scores novelty: no score can be computed; novelty: " in capsys.readouterr().err
    assert not list(run.glob("captions-*new*"))
