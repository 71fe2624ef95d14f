"""Captions that an output has before the first call: `captioner caption --skip-done` keeps their records whole."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from captioner.cli import main

MADE = [
    {"id": f"{colour}.png", "captions": [f"a {colour} {thing}" for thing in ("cat", "dog", "cow")]}
    for colour in ("black", "blue")
]


@pytest.fixture
def captioned(tmp_path, pictures):
    """Captions the pictures by a file of candidates, into a file of a name."""
    (tmp_path / "made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in MADE))

    def run(name: str, *more: str) -> Path:
        by = ["--from", str(tmp_path / "made.jsonl"), "--images", str(pictures), "--checker", "none"]
        assert main(["caption", *by, "--out", str(tmp_path / name), *more]) == 0
        return tmp_path / name

    return run


@pytest.mark.parametrize("name", ["o.jsonl", "o.json", "o.csv", "o.parquet"])
def test_all_captions_of_a_picture_are_kept(captioned, name):
    out = captioned(name, "--n", "3")
    before = out.read_bytes()
    shutil.rmtree(out.with_name(f"{name}.work"))
    assert captioned(name, "--n", "3", "--skip-done").read_bytes() == before


def test_lines_of_others_are_kept_as_they_are(captioned, tmp_path):
    line = '{"id": "black.png","author":"me",  "caption":"by hand", "source": null}\n'
    (tmp_path / "o.jsonl").write_text(line)
    assert captioned("o.jsonl", "--skip-done").read_text() == line + '{"id": "blue.png", "caption": "a blue cat"}\n'


def test_records_of_others_are_kept_with_their_keys(captioned, tmp_path):
    mine = {"image_id": "black.png", "author": "me", "caption": "by hand"}
    (tmp_path / "o.json").write_text(json.dumps([mine]))
    assert json.loads(captioned("o.json", "--skip-done").read_text())[0] == mine
    (tmp_path / "o.csv").write_text("id,author,caption\nblack.png,me, by hand\n")
    rows = list(csv.DictReader(captioned("o.csv", "--skip-done").read_text().splitlines()))
    assert rows[0] == {"id": "black.png", "author": "me", "caption": " by hand"} and rows[1]["author"] == ""


def test_a_file_beside_pictures_is_left_out_as_a_file(captioned, pictures, capsys, caplog):
    (pictures / "notes.txt").write_text("hello")
    out = captioned("o.jsonl")
    kinds = {
        row["id"]: row["kind"]
        for row in map(json.loads, out.with_name("o.jsonl.left-out.jsonl").read_text().splitlines())
    }
    assert kinds["notes.txt"] == "file" and kinds["green.png"] == "picture"
    assert "1 file left out" in caplog.text and ", 1 file left out" in capsys.readouterr().out
