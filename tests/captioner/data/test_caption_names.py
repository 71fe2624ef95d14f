"""The column of a file of captions that names the pictures, where several columns may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.cli import main
from captioner.data.caption_files import read_captions
from captioner.data.name_index import NamedPicture, NameIndex
from captioner.data.reference_files import read_pictures, read_references, with_images
from tests.odd_files import picture

SWAPPED = [{"id": 1, "image": "2.png", "caption": "two"}, {"id": 2, "image": "1.png", "caption": "one"}]
FILES = {
    "made.json": json.dumps(SWAPPED),
    "made.jsonl": "".join(json.dumps(row) + "\n" for row in SWAPPED),
    "made.csv": "id,image,caption\n1,2.png,two\n2,1.png,one\n",
}


@pytest.fixture(params=FILES)
def made(request, tmp_path) -> Path:
    (tmp_path / request.param).write_text(FILES[request.param])
    return tmp_path / request.param


def drawn(folder: Path, *numbers: int) -> Path:
    """A folder of pictures that are called after numbers."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number}.png").write_bytes(picture(number, "PNG"))
    return folder


def captioned(file: Path, *more: str) -> dict[str, str]:
    """Id -> caption, as `captioner caption --from` writes them."""
    out = file.with_name("o.jsonl")
    assert main(["caption", "--from", str(file), "--out", str(out), "--checker", "none", *more]) == 0
    return {row["id"]: row["caption"] for row in map(json.loads, out.read_text().splitlines())}


def known(*names: str) -> NameIndex:
    return NameIndex(NamedPicture((name,)) for name in names)


def test_the_name_of_the_picture_comes_before_the_number_of_the_row(made, capsys):
    assert read_captions(made, known("1.png", "2.png")) == read_captions(made) == {"2.png": "two", "1.png": "one"}
    assert (
        "'id' would find another picture for 2 of 2 captions, the first 1 in place of 2.png" in capsys.readouterr().err
    )


def test_the_column_counts_that_fits_the_pictures(made, capsys):
    assert read_captions(made, known("1", "2")) == {"1": "two", "2": "one"}
    assert "'image' would find another picture" in capsys.readouterr().err
    read_captions(made, known("a.png"))
    assert not capsys.readouterr().err


def test_an_id_that_is_the_end_of_the_path_is_the_id(tmp_path, capsys):
    rows = [{"id": f"{name}.png", "image": f"/data/{name}.png", "caption": name} for name in "ab"]
    (tmp_path / "o.json").write_text(json.dumps(rows))
    assert read_captions(tmp_path / "o.json") == read_captions(tmp_path / "o.json", known("a.png", "b.png"))
    assert [*read_captions(tmp_path / "o.json")] == ["a.png", "b.png"] and not capsys.readouterr().err


def test_score_and_caption_pair_by_the_picture(made, tmp_path):
    (tmp_path / "refs.json").write_text('{"1.png": ["one"], "2.png": ["two"]}')
    by = ["--captions", str(made), "--references", str(tmp_path / "refs.json"), "--scores", "bleu_1"]
    assert main(["score", *by, "--bootstrap", "0", "--out", str(tmp_path / "scores.json")]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["corpus"]["bleu_1"] == pytest.approx(1)
    assert captioned(made, "--images", str(drawn(tmp_path / "pictures", 1, 2, 3))) == {"1.png": "one", "2.png": "two"}


def test_a_number_of_a_row_finds_no_picture_of_that_name(tmp_path):
    (tmp_path / "made.json").write_text('[{"id": 3, "image": "4.png", "caption": "four"}]')
    images = drawn(tmp_path / "pictures", 3, 4)
    assert captioned(tmp_path / "made.json", "--images", str(images)) == {"4.png": "four"}


def test_captions_of_a_file_that_names_its_pictures_are_theirs(made, tmp_path):
    drawn(tmp_path, 1, 2)
    assert captioned(made) == {"1": "two", "2": "one"}


def test_references_with_ids_are_known_by_their_pictures_too(made, tmp_path):
    entries = read_references(drawn(tmp_path, 1, 2) / made.name, "test")
    assert {NameIndex(entries).find(name).references for name in ("1", "2.png")} == {("two",)}
    found = with_images(entries, NameIndex(read_pictures(f"folder:root={tmp_path}", "test")))
    assert {entry.references: entry.image.name for entry in found} == {("one",): "1.png", ("two",): "2.png"}
