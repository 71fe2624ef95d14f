"""Output that cannot be written is told in one line with a next step, and before long work where it can be known."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioning import job
from captioner.cli import main
from captioner.decoding.describer import check_pictures
from captioner.training.cautions import same_pictures
from metric.example import Example
from metric.training.cautions import few_pictures
from metric.training.config import MetricConfig
from rewards import Context, build, parse


def fails(number: int):
    def write(*_: object, **__: object) -> None:
        raise OSError(number, "said by the system")

    return write


def test_full_disk_says_what_to_do(model, pictures, tmp_path, refused, monkeypatch):
    monkeypatch.setattr(job, "write", fails(errno.ENOSPC))
    out = tmp_path / "out.jsonl"
    assert (
        main(["caption", "--model", str(model), "--images", str(pictures), "--out", str(out), "--checker", "none"]) == 2
    )
    (tmp_path / "c.json").write_text('{"a": "a dog"}')
    monkeypatch.setattr("captioner.scoring.score_files.write_json", fails(errno.ENOSPC))
    said = refused("score", "--captions", tmp_path / "c.json", "--scores", "length", "--out", tmp_path / "s.json")
    assert f"the disk is full, and {tmp_path / 's.json'} cannot be written; make room, then type the same" in said
    monkeypatch.setattr("captioner.scoring.score_files.write_json", fails(errno.EACCES))
    said = refused("score", "--captions", tmp_path / "c.json", "--scores", "length", "--out", tmp_path / "s.json")
    assert "another --out" in said


@pytest.mark.parametrize(
    "names, words", [(["1.jpg", "1.png"], "both write 1.txt"), (["x" * 253], "longer than 255 bytes")]
)
def test_text_files_that_cannot_be_are_told_before_the_captioning(model, tmp_path, refused, monkeypatch, names, words):
    monkeypatch.setattr("captioner.captioning.worker.Worker.rows", fails(errno.EIO))
    rows = [{"id": name, "image": f"{number}.png"} for number, name in enumerate(names)]
    for row in rows:
        Image.new("RGB", (9, 9)).save(tmp_path / row["image"])
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--model", model, "--images", f"jsonl:file={tmp_path / 'd.jsonl'}", "--out", tmp_path / "o"]
    assert words in refused("caption", *flags, "--format", "txt")
    assert not (tmp_path / "o").exists()


def test_a_folder_of_texts_that_cannot_be_written_is_told_before_the_captioning(
    model, pictures, tmp_path, refused, monkeypatch
):
    monkeypatch.setattr("captioner.captioning.worker.Worker.rows", fails(errno.EIO))
    monkeypatch.setattr("metric.storage.atomic_files.os.access", lambda place, mode: False)
    flags = ["--model", model, "--images", pictures, "--out", tmp_path / "o", "--format", "txt"]
    assert f"{tmp_path} cannot be written; give another --out" in refused("caption", *flags)


def test_kept_text_files_stay_byte_for_byte_and_blank_ones_are_not_done(model, pictures, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    names = sorted(path.stem for path in pictures.glob("*.png"))
    (out / f"{names[0]}.txt").write_bytes(b"\xef\xbb\xbfkept\r\n")
    (out / f"{names[1]}.txt").write_bytes(b"\n")
    flags = ["--format", "txt", "--skip-done", "--checker", "none", "--out", str(out)]
    assert main(["caption", "--model", str(model), "--images", str(pictures), *flags]) == 0
    assert (out / f"{names[0]}.txt").read_bytes() == b"\xef\xbb\xbfkept\r\n"
    assert (out / f"{names[1]}.txt").read_text() != "\n"


def test_interrupted_captioning_says_how_far_it_came(model, pictures, tmp_path, capsys, monkeypatch):
    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("captioner.captioning.worker.Worker.rows_of", stops)
    assert (
        main(["caption", "--model", str(model), "--images", str(pictures), "--out", str(tmp_path / "o.jsonl")]) == 130
    )
    assert "interrupted; 0 pictures are captioned in" in (said := capsys.readouterr().err) and "goes on" in said


@pytest.mark.parametrize("seed", ["-1", str(2**32), "one"])
@pytest.mark.parametrize(
    "command", ["train", "caption --images x --model x", "metric train", "metric audit --metrics cider"]
)
def test_seed_that_no_generator_takes_is_refused_at_once(tmp_path, capsys, command, seed):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--out", str(tmp_path / "x"), f"--seed={seed}"])
    assert stop.value.code == 2 and "from 0 to 4294967295" in capsys.readouterr().err


def test_reward_that_is_given_twice_is_refused():
    with pytest.raises(ValueError, match="given twice with the same options; type --reward .* once"):
        build([parse("repetition"), parse("repetition")], Context())
    assert len(build([parse("repetition:n=2"), parse("repetition:n=3")], Context()).terms) == 2


@pytest.mark.parametrize(
    "given, words", [("a.png", "a str"), (Image.new("L", (2, 2)), "got one picture"), ([Path("a")], "open")]
)
def test_describer_names_the_way_to_give_pictures(given, words):
    check_pictures([])
    with pytest.raises(TypeError, match=words):
        check_pictures(given)


def test_pictures_of_two_splits_and_few_pictures_are_told():
    examples = [Example(name, Path(name)) for name in "abc"]
    assert same_pictures(examples[:2], examples[2:], "validation") == []
    assert (
        "2 of 3 validation pictures are training pictures too" in same_pictures(examples[:2], examples, "validation")[0]
    )
    assert "4 pictures, so a batch has 4 and not 128" in few_pictures(MetricConfig(batch_size=128), 4)[0]
    assert few_pictures(MetricConfig(batch_size=128), 40) == []


@pytest.mark.parametrize("words", ["metric train", "metric pretrain", "train --preset small"])
def test_folder_that_cannot_be_is_refused_before_any_model_is_made(words, tmp_path, capfd):
    (tmp_path / "file").write_text("x")
    command = f"{words} --data scenes:count=20 --out {tmp_path}/file"
    assert main(command.split()) == 2
    out, err = capfd.readouterr()
    said = f"captioner: {tmp_path}/file is a file, expected a folder; give another --out"
    assert out == "" and err.splitlines()[-1] == said
