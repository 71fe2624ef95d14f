"""`captioner features`, and what training, evaluation and captioning do with what it keeps."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from captioner.cli import main
from captioner.data.caption_files import read_captions


@pytest.fixture
def kept(tiny_clip, tmp_path):
    """Runs the command into the folder `f` and gives the exit code."""

    def run(data: Path | str, *more: str, out: str = "f") -> int:
        return main(["features", str(data), "--clip", tiny_clip, "--out", str(tmp_path / out), *more])

    return run


@pytest.fixture
def table(pictures, tmp_path) -> str:
    """The nine pictures as a data set with captions."""
    rows = [f"{path.relative_to(pictures)},a {path.stem} thing\n" for path in sorted(pictures.rglob("*.png"))]
    (tmp_path / "data.csv").write_text("image,caption\n" + "".join(rows))
    return f"csv:file={tmp_path / 'data.csv'},images={pictures}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_plan_comes_first_and_unreadable_pictures_are_named(kept, pictures, tmp_path, capsys, caplog):
    (pictures / "broken.png").write_text("no picture")
    assert kept(pictures) == 0
    said = capsys.readouterr().out
    assert "features of 10 pictures: 4 x 16 each, 0.0 MB, about" in said and "GB are free" in said
    assert "1 picture left out: no picture of a known format, the first broken.png" in caplog.text
    assert "9 pictures computed, 9 in the folder, 1 left out" in said
    assert kept(pictures, "--strict") == 1
    assert "0 pictures computed, 9 in the folder, 1 left out" in capsys.readouterr().out


def test_plan_alone_computes_nothing(kept, pictures, tmp_path, capsys):
    assert kept(pictures, "--plan") == 0
    assert "features of 9 pictures" in capsys.readouterr().out
    assert not [*(tmp_path / "f").rglob("*.safetensors")]


def test_features_that_do_not_fit_are_not_begun(kept, pictures, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("metric.storage.disk.shutil.disk_usage", lambda place: SimpleNamespace(free=1000))
    assert kept(pictures) == 2
    said = capfd.readouterr().err
    assert "the features of 9 pictures need 0.0 MB of disk, and 0.0 MB are free at" in said
    assert not [*(tmp_path / "f").rglob("*.safetensors")]


def test_what_can_be_read_only_once_is_planned_by_the_thousand(kept, pictures, tmp_path, capsys):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(pictures / "blue.png", "blue.png")
    assert kept(f"pipe:cat {tmp_path / 'a.tar'}") == 0
    said = capsys.readouterr().out
    assert "features of each 1,000 pictures: 4 x 16 each" in said and "1 pictures computed" in said


def test_shares_fill_the_folder_that_one_process_fills(kept, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("captioner.features.precompute.SHARD", 2)
    for index in ("2/3", "1/3", "3/3"):
        assert kept(pictures, "--shard", index, out="dealt") == 0
    assert "(3-of-3)" in capsys.readouterr().out
    kept(pictures, out="whole")
    assert contents(tmp_path / "dealt") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["nowhere.csv"], "nowhere.csv does not exist"),
        (["scenes:count=2", "--clip", "no-such"], "no CLIP is called"),
        (["scenes:count=2", "--shard", "3/2"], "--shard is I/N"),
        (["scenes:count=2", "--split", "extra"], "extra"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, capsys, more, words):
    assert main(["features", *more, "--out", str(tmp_path / "f")]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and not (tmp_path / "f").exists()


def test_training_and_evaluation_need_no_pictures_any_more(kept, table, tiny_flags, pictures, tmp_path, capsys):
    kept(table)
    capsys.readouterr()
    flags = [*tiny_flags, "--data", table, "--features", str(tmp_path / "f"), "--xe.steps", "3", "--rl.steps", "1"]
    assert main(["train", *flags, "--reward", "cider", "--out", str(tmp_path / "with")]) == 0
    pictures.rename(tmp_path / "elsewhere")
    assert main(["train", *flags, "--reward", "cider", "--out", str(tmp_path / "without")]) == 0
    there, gone = metrics(tmp_path / "with"), metrics(tmp_path / "without")
    assert [row.get("loss") for row in there] == [row.get("loss") for row in gone]
    assert any("val/clip_s" in row for row in there) and not any("val/clip_s" in row for row in gone)
    assert any("val/cider" in row for row in gone)
    assert main(["evaluate", str(tmp_path / "without"), "--scores", "cider,clip_s"]) == 0
    scores = json.loads((tmp_path / "without" / "scores-test.json").read_text())
    assert "cider" in scores["corpus"] and "is not there" in scores["skipped"]["clip_s"]
    capsys.readouterr()
    assert main(["train", *flags, "--reward", "clips", "--out", str(tmp_path / "clips")]) == 2
    said = capsys.readouterr().err
    assert "reward clips needs images, and 9 of 9 examples have none" in said and said.count("\n") == 1


def test_features_of_another_clip_are_refused(kept, table, tiny_flags, tmp_path, capsys):
    assert main(["features", table, "--out", str(tmp_path / "f")]) == 0  # of scenes-clip
    assert main(["train", *tiny_flags, "--data", table, "--features", str(tmp_path / "f"), "--out", "x"]) == 2
    assert "holds features of the CLIP scenes-clip" in capsys.readouterr().err


def test_captions_by_features_that_are_not_there_are_refused(model, pictures, tmp_path, capsys):
    where = ["--model", str(model), "--images", str(pictures), "--out", str(tmp_path / "out.jsonl")]
    assert main(["caption", *where, "--features", str(tmp_path / "misspelt")]) == 2
    assert "holds no features; type captioner features INPUT" in capsys.readouterr().err
    assert not (tmp_path / "misspelt").exists()


def test_training_online_is_training_by_kept_features(table, tiny_flags, tmp_path):
    flags = [*tiny_flags, "--data", table, "--xe.steps", "3", "--out"]
    assert main(["train", *flags, str(tmp_path / "kept")]) == 0
    assert main(["train", *flags, str(tmp_path / "online"), "--features", "online"]) == 0
    kept, online = ([row["loss"] for row in metrics(tmp_path / run) if "loss" in row] for run in ("kept", "online"))
    assert len(kept) == 3 and online == pytest.approx(kept, rel=1e-3)


def test_captions_come_from_kept_features_without_a_look_at_the_pictures(
    kept, model, table, pictures, tmp_path, capsys, monkeypatch
):
    def captioned(out: str, *more: str) -> dict[str, str]:
        where = ["--model", str(model), "--images", table, "--out", str(tmp_path / out), "--checker", "none"]
        assert main(["caption", *where, *more]) == 0
        return read_captions(tmp_path / out)

    seen = captioned("seen.jsonl")
    kept(table)
    by_features = ["--features", str(tmp_path / "f")]
    (pictures / "blue.png").write_bytes((pictures / "green.png").read_bytes())  # other content under a known id
    opened = []
    monkeypatch.setattr("captioner.features.store.open_image", opened.append)
    blind = captioned("blind.jsonl", *by_features)
    assert blind == seen | {"blue.png": seen["green.png"]} and not opened
    pictures.rename(tmp_path / "elsewhere")
    assert captioned("gone.jsonl", *by_features) == seen
