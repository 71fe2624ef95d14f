"""Faults of files of captions and references: one line that names the place, and splits as data sets have them."""

from __future__ import annotations

import json

import pytest

from captioner.cli import main
from captioner.data import load
from captioner.data.caption_files import read_captions
from captioner.data.reference_files import read_references
from tests.odd_files import picture

BROKEN = {
    "x.json": ('[\n{"id": "1", "caption": "a"},\n{"id": "2" "caption": "b"}\n]', "x.json:3 is not JSON"),
    "x.jsonl": ('{"id": "1", "caption": "a"}\n{"id": "2" "caption": "b"}\n', "x.jsonl:2 is not JSON"),
    "y.jsonl": (
        '{"id": "1", "caption": "a"}\n{"id": "2", "id": "3", "caption": "b"}\n',
        "y.jsonl:2: the key 'id' stands twice",
    ),
    "y.json": ('[{"id": "2", "id": "3", "caption": "b"}]', "y.json: the key 'id' stands twice"),
    "z.csv": ("image,caption\n", "z.csv has no (captions|picture): it has no row"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("reader", [read_captions, lambda path: read_references(path, "test")])
def test_the_line_of_the_fault_is_named(tmp_path, name, reader):
    text, said = BROKEN[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        reader(tmp_path / name)


def test_a_key_that_stands_twice_in_a_line_of_data_is_refused(tmp_path):
    (tmp_path / "y.jsonl").write_text(BROKEN["y.jsonl"][0])
    with pytest.raises(ValueError, match="y.jsonl:2: the key 'id' stands twice"):
        load(f"jsonl:file={tmp_path / 'y.jsonl'}", "test")


def test_references_of_train_have_those_of_restval(tmp_path):
    rows = [
        {"filename": f"{split}.jpg", "split": split, "sentences": [{"raw": "a dog"}]}
        for split in ("train", "restval", "val")
    ]
    (tmp_path / "k.json").write_text(json.dumps({"images": rows}))
    assert [entry.names[0] for entry in read_references(tmp_path / "k.json", "train")] == ["train.jpg", "restval.jpg"]
    assert [entry.names[0] for entry in read_references(tmp_path / "k.json", "restval")] == ["restval.jpg"]


@pytest.mark.parametrize("other", ["./a/1.png", "a//1.png", "a/./1.png"])
def test_one_path_is_one_picture_however_it_is_written(tmp_path, other):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(picture(1, "PNG"))
    (tmp_path / "t.csv").write_text(f"image,caption\na/1.png,a dog\n{other},a cat\n")
    (example,) = load(str(tmp_path / "t.csv"), "test")
    assert (example.id, example.references) == ("a/1.png", ("a dog", "a cat"))


def test_a_folder_of_something_else_is_no_flickr8k(tmp_path, capsys):
    assert main(["data", f"flickr8k:root={tmp_path}"]) == 2
    assert "is not Flickr8k, whose folder has a file" in capsys.readouterr().err
