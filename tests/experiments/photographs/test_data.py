"""The photo CLIP and the metrics see different photographs, and only the metrics see captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.data import load
from experiments.photographs import data


@pytest.fixture
def flickr8k(tmp_path: Path) -> Path:
    """Six training photographs, two of each other split, in the layout of Flickr8k."""
    root = tmp_path / "flickr8k"
    (root / "Images").mkdir(parents=True)
    names = {"train": [f"t{n}.jpg" for n in range(6)], "dev": ["v0.jpg", "v1.jpg"], "test": ["e0.jpg", "e1.jpg"]}
    every = [name for listed in names.values() for name in listed]
    for name in every:
        Image.new("RGB", (8, 8)).save(root / "Images" / name)
    lines = [
        f"{name}#{n}\tA brown dog number {n} is running in the snow near {name[:2]} .\n"
        for name in every
        for n in (0, 1)
    ]
    (root / "Flickr8k.token.txt").write_text("".join(lines))
    for split, listed in names.items():
        (root / f"Flickr_8k.{split}Images.txt").write_text("\n".join(listed) + "\n")
    return root


def test_the_halves_share_no_photograph(flickr8k, tmp_path):
    data.prepare(flickr8k, tmp_path / "out", "rich")
    alt, captions = (load(data.spec(kind, flickr8k, tmp_path / "out"), "train") for kind in ("alt", "captions"))
    assert [one.id for one in alt] == ["t0.jpg", "t2.jpg", "t4.jpg"]
    assert [one.id for one in captions] == ["t1.jpg", "t3.jpg", "t5.jpg"]


def test_no_caption_is_in_the_alt_text_of_a_photograph(flickr8k, tmp_path):
    data.prepare(flickr8k, tmp_path / "out", "rich")
    for one in load(data.spec("alt", flickr8k, tmp_path / "out"), "val"):
        assert len(one.references) == 2 * 6
        assert not any("is running in the snow near" in text for text in one.references)


def test_data_that_exist_are_left_alone(flickr8k, tmp_path):
    data.prepare(flickr8k, tmp_path / "out", "rich")
    rows = (tmp_path / "out" / "alt-train.jsonl").read_text()
    (tmp_path / "out" / "captions-test.jsonl").unlink()
    data.prepare(flickr8k, tmp_path / "out", "rich")
    assert (tmp_path / "out" / "alt-train.jsonl").read_text() == rows
    assert json.loads((tmp_path / "out" / "captions-test.jsonl").read_text().splitlines()[0])["id"] == "e0.jpg"


def test_lean_wordings_are_one_alt_text_of_a_photograph(flickr8k, tmp_path):
    data.prepare(flickr8k, tmp_path / "out", "lean")
    assert all(len(one.references) == 1 for one in load(data.spec("alt", flickr8k, tmp_path / "out"), "train"))
