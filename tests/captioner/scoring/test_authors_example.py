from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.scoring import authors_example
from captioner.scoring.authors_example import CAPTIONS, WEIGHTS, AuthorsExample


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two pictures in the layout of the authors' example, with other captions."""
    (tmp_path / "images").mkdir()
    for name, colour in (("image1", "red"), ("image2", "blue")):
        Image.new("RGB", (16, 16), colour).save(tmp_path / "images" / f"{name}.jpg")
    for quality, texts in {"good": ("a red thing", "a blue thing"), "bad": ("a car", "a cat")}.items():
        captions = dict(zip(("image1", "image2"), texts))
        (tmp_path / f"{quality}_captions.json").write_text(json.dumps(captions))
    references = {"image1": ["red", "a red square"], "image2": ["blue"]}
    (tmp_path / "refs.json").write_text(json.dumps(references))
    return tmp_path


def test_published_values_stand_beside_ours_for_the_authors_captions_and_weights(folder, tiny_clip, monkeypatch):
    example = AuthorsExample.read(folder)
    plain = list(example.lines(tiny_clip, WEIGHTS))
    assert len(plain) == 5 and plain[-1].startswith("these are not the captions of the authors' example")
    assert plain[0].startswith("example, good captions: PAC-S ") and "published" not in plain[0]
    monkeypatch.setattr(authors_example, "CAPTIONS", example.digest)
    assert example.digest != CAPTIONS
    compared = list(example.lines(tiny_clip, WEIGHTS))
    assert len(compared) == 4 and all(line.startswith(before) for line, before in zip(compared, plain))
    assert compared[0].endswith("published 0.8264: differs") and compared[3].endswith("published 0.6357: differs")
    ours = float(plain[2].rpartition(" ")[2])
    monkeypatch.setitem(authors_example.PUBLISHED["pac_s"], "bad", ours)
    assert list(example.lines(tiny_clip, WEIGHTS))[2].endswith(f"published {ours:.4f}: agrees")
    other = list(example.lines(tiny_clip, "the authors' PAC-S++ of ViT-B/32"))
    assert other[-1].endswith(f"are of {WEIGHTS}, this is the authors' PAC-S++ of ViT-B/32") and len(other) == 5


def test_examples_are_paired_by_name(folder):
    example = AuthorsExample.read(folder)
    assert [one.references for one in example.examples] == [("red", "a red square"), ("blue",)]
    assert replace(example).digest == example.digest


@pytest.mark.parametrize("lost", ["good_captions.json", "refs.json", "images/image2.jpg"])
def test_a_folder_without_the_example_is_refused_before_the_work(folder, lost, capsys):
    (folder / lost).unlink()
    flags = ["--out", str(folder / "out"), "--example", str(folder)]
    assert main(["metric", "import", str(folder / "no.pth"), *flags]) == 2
    said = capsys.readouterr().err
    assert f"--example {folder} has no " in said and said.count("\n") == 1


def test_references_that_are_no_list_are_refused(folder):
    (folder / "refs.json").write_text(json.dumps({"image1": "red", "image2": ["blue"]}))
    with pytest.raises(ValueError, match="refs.json has no list of captions for 'image1'"):
        AuthorsExample.read(folder)
