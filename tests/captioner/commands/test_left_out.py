"""One damaged picture never ends long work: it is left out, named on the screen, in the ledger and by --strict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main

ROWS = 5


@pytest.fixture
def data(tmp_path) -> Path:
    """A table of five pictures with captions. The third file breaks off, the fifth row has no caption."""
    for number in range(ROWS):
        Image.effect_noise((40, 40), 40 + 30 * number).save(tmp_path / f"{number}.jpg")
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:-300])
    texts = [[f"a picture of {number} things", f"{number} things"] for number in range(ROWS - 1)] + [[]]
    rows = [{"image": f"{number}.jpg", "references": texts[number]} for number in range(ROWS)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "t.jsonl"


def ledger(place: Path) -> set[tuple[str, str]]:
    rows = map(json.loads, place.read_text().splitlines())
    return {(row["id"], row["reason"].partition(" (")[0]) for row in rows}


CUT, BARE = ("2.jpg", "image file is truncated"), ("4.jpg", "it has no caption")


@pytest.mark.parametrize(
    "words",
    [
        "metric train --clip CLIP --steps 2 --batch-size 2 --chunk 0 --rank 1 --alpha 1",
        "metric pretrain --init CLIP --steps 2 --batch-size 2",
        "metric audit --clip CLIP --metrics clip_s --count 0",
    ],
)
def test_damaged_picture_is_left_out_of_the_learned_metric(data, tiny_clip, tmp_path, caplog, words):
    command = [*words.replace("CLIP", tiny_clip).split(), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main([*command, "--strict"]) == 1
    assert "1 picture left out: image file is truncated" in caplog.text and "the first 2.jpg" in caplog.text
    assert ledger(tmp_path / "out" / "left-out.jsonl") == {CUT, BARE}


def test_score_leaves_a_damaged_picture_out_with_partial_and_refuses_it_without(data, tiny_clip, tmp_path, refused):
    (tmp_path / "c.json").write_text(json.dumps({f"{number}.jpg": "a picture" for number in range(4)}))
    command = ["score", "--captions", tmp_path / "c.json", "--images", tmp_path, "--scores", f"clip_s:clip={tiny_clip}"]
    said = refused(*command, "--out", tmp_path / "s.json")
    assert "1 of 4 ids ('2.jpg')" in said and "truncated" in said and "--partial" in said
    assert main([*map(str, command), "--partial", "--out", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text())["count"] == 3
    assert CUT in ledger(tmp_path / "s.json.left-out.jsonl")


def test_video_that_is_missing_or_damaged_is_left_out_and_empty_captions_are_named(data, tiny_clip, tmp_path, capsys):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.effect_noise((20, 20), 60).save(tmp_path / name / "0.png")
    (tmp_path / "three.mp4").write_text("no video")
    (tmp_path / "c.json").write_text(json.dumps({"one": "a thing", "two": "", "three": "a dog", "four": "a cat"}))
    flags = ["--captions", "c.json", "--videos", ".", "--clip", tiny_clip, "--frames", "1", "--out", "s.json"]
    flags = [str(tmp_path / word) if word in ("c.json", ".", "s.json") else word for word in flags]
    assert main(["metric", "video", *flags]) == 0
    record = json.loads((tmp_path / "s.json").read_text())
    assert record["count"] == 2 and "1 of 2 captions are empty" in record["facts"]["empty"]
    assert "1 of 2 captions are empty" in capsys.readouterr().out
    assert {name for name, _ in ledger(tmp_path / "s.json.left-out.jsonl")} == {"three", "four"}


def test_online_features_leave_a_damaged_picture_out_before_the_first_step(data, tiny_flags, tmp_path, caplog):
    flags = [*tiny_flags, "--data", str(data), "--features", "online", "--xe.steps", "2"]
    assert main(["train", *flags, "--out", str(tmp_path / "run")]) == 0
    assert ledger(tmp_path / "run" / "left-out.jsonl") == {CUT, BARE} and "truncated" in caplog.text
