from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from datasets import Features, Image, List, Value

from captioner.data import load, split_names
from captioner.data.adapters.hf_rows import InTable
from metric.example import image_key, open_image
from metric.images import InMemory

TEXT = Value("string")


def saved(root: Path, photographs: Path, features: dict, **columns: list) -> str:
    """With as many of the pictures as the columns are long."""
    count = len(next(iter(columns.values())))
    pictures = [str(photographs / name) for name in ("b.jpg", "a.jpg", "v.jpg", "t.jpg")[:count]]
    table = datasets.Dataset.from_dict(columns | {"picture": pictures}, Features(features | {"picture": Image()}))
    table.save_to_disk(root / "saved")
    return str(root / "saved")


@pytest.mark.parametrize("streaming", ["0", "1"])
def test_columns_are_found_by_type(tmp_path, photographs, streaming):
    columns = {"sentids": [[1, 2], [3]], "said": [["one", "two"], ["three"]]}
    path = saved(tmp_path, photographs, {"sentids": List(Value("int64")), "said": List(TEXT)}, **columns)
    first, second = load(f"hf:path={path},streaming={streaming}", "train")
    assert (first.id, first.references) == ("b.jpg", ("one", "two"))
    assert isinstance(second.image, InMemory if streaming == "1" else InTable)
    assert image_key(first.image) != image_key(second.image)
    assert open_image(second.image).size == (25, 16)


def test_one_caption_a_row_is_joined_by_id(tmp_path, photographs):
    features = {"image_id": Value("int64"), "caption": TEXT}
    path = saved(tmp_path, photographs, features, image_id=[7, 7, 8], caption=["one", "two", "three"])
    assert [(e.id, e.references) for e in load(path, "train")] == [("7", ("one", "two")), ("8", ("three",))]


def test_numbered_captions_are_all_captions(tmp_path, photographs):
    path = saved(tmp_path, photographs, {"caption_0": TEXT, "caption_1": TEXT}, caption_0=["one"], caption_1=["two"])
    assert load(path, "train")[0].references == ("one", "two")
    assert load(f"hf:path={path},references=caption_1", "train")[0].references == ("two",)


def test_column_of_splits_rules(tmp_path, photographs):
    features = {"split": TEXT, "filename": TEXT, "raw": List(TEXT)}
    columns = {"split": ["val", "train"], "filename": ["x", "y"], "raw": [["one"], ["two"]]}
    path = saved(tmp_path, photographs, features, **columns)
    assert split_names(path) == ["train", "val"] and [example.id for example in load(path, "val")] == ["x"]


def test_what_types_leave_open_is_asked_for(tmp_path, photographs):
    path = saved(tmp_path, photographs, {"here": TEXT, "there": TEXT}, here=["one"], there=["two"])
    with pytest.raises(ValueError, match="several columns for references, here, there: type references=NAME"):
        load(path, "train")
    assert load(f"hf:path={path},references=there", "train")[0].references == ("two",)
    with pytest.raises(ValueError, match="no column 'where'"):
        load(f"hf:path={path},references=where", "train")


def test_lone_column_of_text_with_an_unusual_name_is_named_once(tmp_path, photographs, capsys):
    path = saved(tmp_path, photographs, {"said": TEXT}, said=["one", "two"])
    assert [example.references for example in load(path, "train")] == [("one",), ("two",)]
    assert load(path, "train")
    told = capsys.readouterr().err
    assert told.count("the captions are those of 'said', its only column of text; type references=NAME") == 1
    for typed, expected in (("said", ("one",)), ("none", ())):
        assert load(f"hf:path={path},references={typed}", "train")[0].references == expected
    assert capsys.readouterr().err == ""


def test_folder_with_metadata_is_loaded_by_either_way(photographs):
    (photographs / "metadata.jsonl").write_text('{"file_name": "b.jpg", "text": "one"}\n')
    (ours,) = load(str(photographs), "train")
    assert ours.references == ("one",)
