"""Input that other tools lose, merge or die of: every command reads it, or names what it left out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.captioning.formats import FORMATS
from captioner.cli import main
from captioner.data import Every, read
from captioner.data.caption_files import read_captions
from captioner.data.reference_files import read_references
from captioner.decoding.describer import Describer
from metric.example import Example
from tests.full_disk import files_of_at_most

HALF, MENDED = r"a dog \ud83d runs", "a dog \ufffd runs"  # half an emoji, as JSON writes it, and what is read


@pytest.fixture
def foreign(tmp_path) -> Path:
    """A folder whose name, and the names of a picture and of a damaged picture in it, are Latin-1 and no UTF-8."""
    folder = tmp_path / os.fsdecode(b"d\xe9")
    folder.mkdir()
    for number, name in enumerate((b"caf\xe9.png", b"plain.png")):
        Image.effect_noise((24, 20), 50 + number).save(folder / os.fsdecode(name))
        (folder / os.fsdecode(name)).with_suffix(".txt").write_text(f"a dog and {number} cats")
    (folder / os.fsdecode(b"broken\xe9.png")).write_text("no picture")
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_pictures_whose_names_are_no_utf8_are_captioned_in_every_format(foreign, model, tmp_path, form):
    files = {"jsonl": "o.jsonl", "coco": "o.json", "capevalkit": "k.jsonl", "csv": "o.csv", "parquet": "o.parquet"}
    out = tmp_path / files.get(form, os.fsdecode(b"out\xe9"))
    words = ["caption", "--model", model, "--images", foreign, "--out", out, "--format", form, "--checker", "none"]
    assert main([*map(str, words)]) == 0
    said, stems = read_captions(out), {"caf\ufffd", "plain"}
    ledger = [json.loads(line) for line in Path(f"{out}.left-out.jsonl").read_text().splitlines()]
    # the captioner has random weights: a caption without a word is kept, and a text file without one is not read
    silent = {Path(row["id"]).stem for row in ledger if row["reason"].endswith("and is kept") and form == "txt"}
    assert {Path(name).stem for name in said} == stems - silent and len(said) == len(stems - silent)
    assert "broken\ufffd.png" in {row["id"] for row in ledger}


def test_other_commands_take_names_that_are_no_utf8(foreign, tiny_flags, tmp_path, refused):
    run = tmp_path / "run"
    assert main(["data", str(foreign), "--out", str(tmp_path / "look")]) == 0
    assert "caf\ufffd" in (tmp_path / "look" / "sheet.html").read_text()
    flags = [*tiny_flags, "--data", str(foreign), "--val-count", "3", "--xe.steps", "1", "--xe.batch-size", "1"]
    elsewhere = tmp_path / os.fsdecode(b"run\xe9")
    assert "is no UTF-8, which TensorBoard cannot write" in refused("train", *flags, "--out", elsewhere)
    assert main(["train", *flags, "--out", str(run)]) == 0
    assert json.loads((run / "config.json").read_text())["data"] == str(foreign)
    assert main(["train", "--out", str(run), "--resume"]) == 0
    assert main(["evaluate", str(run), "--scores", "length"]) == 0
    assert main(["compare", str(run), "--out", str(tmp_path / "table")]) == 0


def forms_of_half(root: Path) -> dict[str, str]:
    """The caption with half an emoji in each format that can hold it -> the data set."""
    files = {
        "jsonl": f'{{"image": "1.png", "caption": "{HALF}"}}',
        "json": f'[{{"image": "1.png", "caption": "{HALF}"}}]',
        "names.json": f'{{"1.png": ["{HALF}"]}}',
        "csv": f"image,captions\n1.png,\"['{HALF}']\"\n",
        "lists.csv": f'image,captions\n1.png,"[""{HALF}""]"\n',
        "coco.json": '{"images": [{"id": 1, "file_name": "1.png"}], '
        f'"annotations": [{{"image_id": 1, "caption": "{HALF}"}}]}}',
        "karpathy.json": '{"images": [{"filename": "1.png", "split": "test", '
        f'"sentences": [{{"raw": "{HALF}"}}]}}], "dataset": "x"}}',
    }
    for name, content in files.items():
        (root / name).mkdir()
        Image.new("RGB", (9, 9)).save(root / name / "1.png")
        (root / name / f"data.{name.rpartition('.')[2]}").write_text(content)
    return {name: str(root / name / f"data.{name.rpartition('.')[2]}") for name in files}


def test_half_an_emoji_is_one_unknown_character_in_every_format(tmp_path):
    for name, spec in forms_of_half(tmp_path).items():
        examples = [item for item in read(spec, "test", Every()) if isinstance(item, Example)]
        assert [example.references for example in examples] == [(MENDED,)], name
        assert [picture.references for picture in read_references(spec, "test")] == [(MENDED,)], name
    (tmp_path / "c.json").write_text(f'{{"1.png": "{HALF}"}}')
    assert read_captions(tmp_path / "c.json") == {"1.png": MENDED}


@pytest.fixture
def half(tmp_path) -> Path:
    rows = [f'{{"image": "{number}.png", "caption": "{HALF} {number}"}}' for number in range(4)]
    for number in range(4):
        Image.effect_noise((24, 20), 40 + number).save(tmp_path / f"{number}.png")
    (tmp_path / "half.jsonl").write_text("\n".join(rows))
    return tmp_path / "half.jsonl"


def test_half_an_emoji_ends_no_command(half, tiny_flags, tiny_clip, tmp_path):
    assert main(["data", str(half), "--out", str(tmp_path / "look")]) == 0
    flags = [*tiny_flags, "--data", str(half), "--val-count", "1", "--xe.steps", "1", "--rl.steps", "1"]
    sizes = ["--xe.batch-size", "1", "--rl.batch-size", "1", "--reward", "cider"]
    assert main(["train", *flags, *sizes, "--out", str(tmp_path / "run")]) == 0
    audit = ["--metrics", "clip_s", "--clip", tiny_clip, "--count", "0", "--out", str(tmp_path / "audit")]
    assert main(["metric", "audit", "--data", str(half), *audit]) == 0
    captions = ["--captions", str(half), "--references", str(half), "--out", str(tmp_path / "s.json")]
    assert main(["score", *captions, "--scores", "classic,text"]) == 0
    assert json.loads((tmp_path / "s.json").read_text())["count"] == 4


def test_data_without_splits_is_told_by_train_and_by_evaluate(half, tiny_flags, tmp_path, capfd):
    flags = [*tiny_flags, "--data", str(half), "--xe.steps", "1", "--xe.batch-size", "2", "--val-count", "2"]
    assert main(["train", *flags, "--out", str(tmp_path / "run")]) == 0
    assert "2 of 2 validation pictures are training pictures too" in capfd.readouterr().err
    assert main(["evaluate", str(tmp_path / "run"), "--scores", "length"]) == 0
    said = capfd.readouterr().err
    assert f"{half} has no splits: the pictures of test are those of the training" in said


def test_pictures_without_captions_beside_a_table_are_told_of_the_table(half, tiny_flags, refused, tmp_path):
    """A folder of pictures with a table in it is the pictures; `train` and `score` say how the table is typed."""
    said = refused("train", *tiny_flags, "--data", half.parent, "--out", tmp_path / "run")
    assert f"there is also jsonl:file={half}" in said
    (tmp_path / "c.json").write_text('{"1.png": "a dog"}')


@pytest.mark.parametrize(
    "words",
    [
        "data DATA --out OUT",
        "features DATA --clip CLIP --out OUT",
        "metric audit --data DATA --metrics clip_s --clip CLIP --count 0 --out OUT",
    ],
)
def test_full_disk_is_one_line_with_the_place_in_commands_that_look_at_data(half, tiny_clip, tmp_path, capfd, words):
    out = tmp_path / "out"
    command = [{"DATA": str(half), "OUT": str(out), "CLIP": tiny_clip}.get(word, word) for word in words.split()]
    with files_of_at_most(600):
        assert main(command) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith(f"captioner: a file is too large, and {out}")
    assert said.endswith("cannot be written; make room, then type the same command again")


@pytest.mark.parametrize("take", ["large", "truncated"])
def test_commands_take_pictures_that_are_left_out_otherwise(model, tmp_path, take, monkeypatch):
    Image.effect_noise((60, 60), 50).save(tmp_path / "1.jpg")
    content = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(content[:-20] if take == "truncated" else content)
    if take == "large":
        monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    words = ["caption", "--model", model, "--images", tmp_path / "1.jpg", "--checker", "none"]
    assert main([*map(str, words), "--out", str(tmp_path / "without.jsonl"), "--strict"]) == 1
    assert f"--take {take}" in (tmp_path / "without.jsonl.left-out.jsonl").read_text()
    assert main([*map(str, words), "--out", str(tmp_path / "with.jsonl"), "--strict", "--take", take]) == 0
    assert len(read_captions(tmp_path / "with.jsonl")) == 1


@pytest.mark.parametrize(
    "given",
    ["a.png", Path("a.png"), Image.new("L", (2, 2)), [np.zeros((2, 2, 3))], ["a.png"], [None], 7, None, {"a": 1}],
)
def test_describer_refuses_what_is_no_list_of_pictures(model, given):
    with pytest.raises(TypeError, match="Describer|pictures"):
        Describer.from_pretrained(model)(given)


def test_describer_of_no_pictures_has_no_captions(model):
    assert Describer.from_pretrained(model)([]) == []


def test_duplicate_ids_are_shown_by_data_and_refused_with_the_way_out(tmp_path, capfd):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "b.jpg")
    rows = [{"image": "a.jpg", "id": 7, "caption": "a dog"}, {"image": "b.jpg", "id": "7", "caption": "a cat"}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["data", str(tmp_path / "t.jsonl")]) == 2
    assert "'7' is the id of two pictures, a.jpg and b.jpg; type the option id=COLUMN" in capfd.readouterr().err
