from __future__ import annotations

import gzip
import json
import shlex
import tarfile
import zipfile
from pathlib import Path

import pytest
from datasets import Dataset, Features, Image, Value

from captioner.cli import main
from captioner.data import DATA, load
from captioner.data.detect import recognise
from tests.odd_files import picture, samples, tar_of


def looks(path: object) -> str:
    return str(recognise(str(path), DATA))


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


SHAPES = {
    "karpathy": {"images": [{"filename": "b.jpg", "split": "val", "sentences": []}], "dataset": "coco"},
    "coco": {"info": {}, "images": [{"id": 1, "file_name": "b.jpg"}], "annotations": [{"image_id": 1, "caption": "a"}]},
    "nocaps": {"images": [{"id": 1, "file_name": "b.jpg", "domain": "in-domain"}], "annotations": []},
    "vizwiz": {
        "images": [{"id": 1, "file_name": "b.jpg"}],
        "annotations": [{"image_id": 1, "caption": "a", "is_rejected": False, "is_precanned": False}],
    },
    "textcaps": {"data": [{"image_id": "b", "caption_str": "a", "reference_strs": ["a"]}]},
}


@pytest.mark.parametrize("name", SHAPES)
def test_public_json_is_known_by_its_content(tmp_path, name):
    path = written(tmp_path / "some name.json", json.dumps(SHAPES[name]))
    assert looks(path) == f"{name}:file={path}"
    assert looks(tmp_path) == f"{name}:file={path}"


def test_json_of_another_form_says_what_to_type(tmp_path):
    for content in "[]", "{}", '{"images": []}', '{"images": [{"id": 1}], "annotations": [{"bbox": []}]}':
        path = written(tmp_path / "a.json", content)
        with pytest.raises(ValueError, match="an unknown format; expected pictures"):
            looks(path)


@pytest.mark.parametrize(
    "name, form", [("a.jsonl", "jsonl"), ("a.csv", "csv"), ("a.tsv", "tsv"), ("captions.txt", "csv")]
)
def test_table_is_known_by_its_ending(tmp_path, name, form):
    path = written(tmp_path / name, "image,caption\n")
    assert looks(path) == f"{form}:file={path}"


def test_archive_is_pictures_or_shards_by_what_is_in_it(tmp_path, photographs):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(photographs / "b.jpg", "deep/b.jpg")
        file.writestr("notes.txt", "")
    with tarfile.open(tmp_path / "pictures.tar", "w") as tar:
        tar.add(photographs / "b.jpg", "b.jpg")
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(photographs / "b.jpg", "b.jpg")
        tar.add(written(tmp_path / "b.txt", "one"), "b.txt")
    assert looks(tmp_path / "a.zip") == f"folder:root={tmp_path}/a.zip"
    assert looks(tmp_path / "pictures.tar") == f"folder:root={tmp_path}/pictures.tar"
    assert looks(tmp_path / "shard.tar") == f"webdataset:shards={tmp_path}/shard.tar"
    assert [example.id for example in load(str(tmp_path / "a.zip"), "test")] == ["deep/b.jpg"]


def test_addresses_and_braces_are_shards():
    for text in "pipe:cat a.tar", "https://x.example/a-{0..9}.tar", "a-{000..131}.tar", "a-{0,1}.tar.gz":
        assert looks(text) == f"webdataset:shards={text}"


def test_folder_of_one_table_below_which_are_pictures_is_the_table(tmp_path, photographs):
    path = written(tmp_path / "captions.txt", "image,caption\nb.jpg,one\n")
    written(tmp_path / "notes.txt", "nothing, really\n")
    written(tmp_path / "captions.jsonl", '{"id": "b.jpg", "caption": "what a captioner said"}\n')
    assert looks(tmp_path) == f"csv:file={path}"
    assert [example.references for example in load(str(tmp_path), "train")] == [("one",)]


def test_annotations_of_several_splits_are_one_data_set(tmp_path):
    for split in "train", "val":
        written(tmp_path / "annotations" / f"captions_{split}2017.json", json.dumps(SHAPES["coco"]))
        written(tmp_path / "annotations" / f"instances_{split}2017.json", '{"images": [')
    pattern = f"{tmp_path}/annotations/captions_{{split}}2017.json"
    assert looks(tmp_path) == looks(pattern) == f"coco:file={pattern}"


def test_folder_that_could_be_several_things_says_what_to_type(tmp_path, photographs):
    first = written(tmp_path / "a.csv", "image,caption\nb.jpg,one\n")
    second = written(tmp_path / "b.jsonl", '{"image": "b.jpg"}\n')
    with pytest.raises(ValueError, match=f"type one of csv:file={first} or jsonl:file={second}"):
        looks(tmp_path)


def test_pictures_are_themselves_whatever_table_lies_beside_them(photographs, capsys):
    path = written(photographs / "a.csv", "image,caption\nb.jpg,one\n")
    assert looks(photographs) == f"folder:root={photographs}" and len(load(str(photographs), "test")) == 4
    assert main(["data", str(photographs)]) == 0
    assert f"there is also csv:file={path}" in capsys.readouterr().out


def test_plain_folder_is_pictures_and_flickr8k_is_itself(tmp_path, photographs):
    assert looks(photographs) == f"folder:root={photographs}"
    path = written(tmp_path / "f8k" / "Flickr8k.token.txt", "")
    written(tmp_path / "f8k" / "Flickr_8k.testImages.txt", "")
    assert looks(path) == looks(path.parent) == f"flickr8k:root={path.parent}"


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "scenes"),
        ("flicker8k", "did you mean flickr8k"),
        ("nowhere/at all", "nowhere/at all does not exist"),
        ("none.json", "none.json does not exist"),
        ("a_{split}.json", "no file matches"),
        ("cocoo:file=x", "did you mean coco"),
    ],
)
def test_what_is_nowhere_is_told(text, words):
    with pytest.raises(ValueError, match=words):
        looks(text)


def test_a_path_that_is_not_there_is_told_as_one():
    with pytest.raises(ValueError, match="no file, folder or data set is called 'photos'"):
        recognise("photos", ["scenes"])


def test_home_folder_packed_files_and_parquet_are_recognised(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = written(tmp_path / "a.csv", "image,caption\n")
    assert looks("~/a.csv") == f"csv:file={path}" and str(recognise("csv:file=~/a.csv", DATA)) == f"csv:file={path}"
    for name, form in ("b.jsonl.gz", "jsonl"), ("c.CSV.gz", "csv"):
        (tmp_path / name).write_bytes(gzip.compress(b"image,caption\n"))
        assert looks(tmp_path / name) == f"{form}:file={tmp_path / name}"
    written(tmp_path / "d.parquet", "")
    with pytest.raises(ValueError, match="d.parquet is no parquet"):
        looks(tmp_path / "d.parquet")


def test_one_picture_and_patterns_are_recognised(photographs):
    assert looks(photographs / "b.jpg") == f"folder:root={photographs}/b.jpg"
    assert looks(photographs / "*.jpg") == f"folder:root={photographs}/*.jpg"
    for split in "train", "val":
        written(photographs / f"{split}.json", json.dumps(SHAPES["coco"]))
    assert looks(photographs / "*.json") == f"coco:file={photographs}/{{split}}.json"
    with pytest.raises(ValueError, match=r"matches several data sets; type one of .coco:"):
        looks(photographs / "*")
    with pytest.raises(ValueError, match="no file matches"):
        looks(photographs / "*.webp")


def test_a_token_file_is_read_with_or_without_the_lists_of_flickr8k(photographs):
    for name in "results_20130124.token", "captions.txt":
        path = written(photographs / name, "\ufeffb.jpg#0\tone\r\nb.jpg#1\ttwo\r\n")
        assert looks(path) == f"tokens:file={path}"
        assert [(e.id, e.references) for e in load(str(path), "train")] == [("b.jpg", ("one", "two"))]


@pytest.mark.parametrize("name", ["a, b.csv", "a=b,c=d.csv", "it's, too.csv", ' ",".csv'])
def test_a_name_with_a_comma_can_be_typed_as_it_is_printed(tmp_path, photographs, name):
    path = written(tmp_path / name, f"image,caption\n{photographs}/b.jpg,one\n")
    written(tmp_path / "other.csv", "image,caption\nb.jpg,one\n")
    with pytest.raises(ValueError, match="could be several data sets") as error:
        looks(tmp_path)
    _, *words = shlex.split(str(error.value).partition("type one of")[2].replace(" or ", " "))
    typed = shlex.split(recognise(str(path), DATA).typed())
    assert len(typed) == 1 and typed[0] in shlex.split(str(error.value).partition("type one of ")[2])
    assert [example.references for example in load(typed[0], "train")] == [("one",)]


def test_a_table_that_cannot_be_read_beside_pictures_is_named(photographs, capsys):
    (photographs / "notes.csv").write_bytes(b"image,caption\nb.jpg,caf\xe9\n")
    written(photographs / "open.json", '{"images": [')
    assert looks(photographs) == f"folder:root={photographs}"
    assert main(["data", str(photographs)]) == 0
    assert f"there is also {photographs}/open.json is not JSON" in capsys.readouterr().out


def test_texts_alone_are_captions_of_pictures_elsewhere(tmp_path, photographs):
    written(tmp_path / "said" / "b.txt", "one\ntwo\n")
    assert looks(tmp_path / "said") == f"texts:root={tmp_path}/said"
    written(tmp_path / "said" / "b.jpg.txt", "three\n").rename(tmp_path / "said" / "b.jpg.txt")
    found = load(f"texts:root={tmp_path / 'said'},images={photographs}", "train")
    assert {example.id: example.references for example in found} == {"b": ("one", "two", "three")}


@pytest.mark.parametrize("typed", ["no/{0..3}.tar", "webdataset:shards=no/{0..3}.tar", "webdataset:shards=no/*.tar"])
def test_shards_of_which_none_exists_are_refused_by_every_command(typed, model, tiny_clip, tmp_path, refused):
    words = typed.replace("no/", f"{tmp_path}/no/")
    commands = (
        ["data", words],
        ["features", words, "--clip", tiny_clip, "--out", tmp_path / "f"],
        ["caption", "--model", model, "--images", words, "--out", tmp_path / "c.jsonl"],
        ["train", "--data", words, "--clip", tiny_clip, "--out", tmp_path / "run"],
    )
    for command in commands:
        said = refused(*command)
        assert "no file matches" in said or "No such file or directory" in said, command
    assert [*tmp_path.iterdir()] == []


def test_patterns_of_several_tables_and_shards_are_read_as_one(tmp_path):
    for number in range(2):
        tar_of(tmp_path / f"{number:05d}.tar", samples(10 * number, 3))
        columns = {"id": [f"{number}-{row}" for row in range(2)], "caption": ["a dog", "a cat"]}
        pictures = [{"path": None, "bytes": picture(2 * number + row)} for row in range(2)]
        features = Features({"id": Value("string"), "caption": Value("string"), "image": Image()})
        Dataset.from_dict(columns | {"image": pictures}, features).to_parquet(tmp_path / f"part-{number}.parquet")
    for typed in (f"{tmp_path}/*.tar", f"webdataset:shards={tmp_path}/0000[01].tar"):
        assert len(load(typed, "train")) == 6
    for typed in (f"{tmp_path}/part-*.parquet", f"hf:path={tmp_path}/part-[01].parquet"):
        assert [example.id for example in load(typed, "train")] == ["0-0", "0-1", "1-0", "1-1"]


def test_pictures_beside_a_parquet_of_captions_are_a_folder(tmp_path):
    """As `captioner caption --images FOLDER --out FOLDER/captions.parquet` leaves it."""
    (tmp_path / "a.png").write_bytes(picture(0))
    Dataset.from_dict({"id": ["a.png"], "caption": ["a dog"]}).to_parquet(tmp_path / "captions.parquet")
    assert looks(tmp_path) == f"folder:root={tmp_path}"
    assert recognise(str(tmp_path), DATA).others == (f"parquet:file={tmp_path / 'captions.parquet'}",)
    written(tmp_path / "d.parquet", "")
    assert looks(tmp_path) == f"folder:root={tmp_path}"
    assert "d.parquet is no parquet" in recognise(str(tmp_path), DATA).others[1]


def test_metadata_as_parquet_has_splits(tmp_path):
    rows = [{"file_name": f"{n}.png", "text": f"a {n}", "split": split} for n, split in enumerate(("train", "test"))]
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    Dataset.from_list(rows).to_parquet(tmp_path / "metadata.parquet")
    assert [example.id for example in load(str(tmp_path), "test")] == ["1.png"]
    assert [example.references for example in load(str(tmp_path), "train")] == [("a 0",)]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "A.TAR"])
def test_a_folder_of_shards_is_known_by_every_ending(tmp_path, name):
    tar_of(tmp_path / name, samples(0, 1))
    assert looks(tmp_path) == f"webdataset:shards={tmp_path}"


@pytest.mark.parametrize("name", ["a.TXT", "a.caption"])
def test_a_folder_of_texts_is_known_by_every_ending(tmp_path, name):
    written(tmp_path / name, "a dog")
    assert looks(tmp_path) == f"texts:root={tmp_path}"
