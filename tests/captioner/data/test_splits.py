"""The split of a record: that of its column `split`, else that of the file's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.data import load, read, split_names
from captioner.data.left_out import LeftOut
from tests.odd_files import picture

ROWS = [
    {"image": f"{number}.png", "caption": "a dog runs", "split": split} for number, split in enumerate(["train", "val"])
]


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(picture(number, "PNG"))
    return tmp_path


def written(folder: Path, name: str) -> str:
    """A file of ROWS in the format of its ending."""
    path, table = folder / name, [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
    if path.suffix == ".parquet":
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(ROWS), path)
    elif path.suffix in (".csv", ".tsv"):
        path.write_text("".join(("," if path.suffix == ".csv" else "\t").join(row) + "\n" for row in table))
    else:
        path.write_text(json.dumps(ROWS) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "json", "parquet"])
@pytest.mark.parametrize("stem", ["cap_train", "x_train_val_test", "cap_test"])
def test_the_column_comes_before_the_name_of_the_file(folder, stem, ending):
    file = written(folder, f"{stem}.{ending}")
    assert split_names(file) == ["train", "val"]
    assert [[example.id for example in load(file, split)] for split in ("train", "val")] == [["0.png"], ["1.png"]]


def test_rows_of_another_split_than_their_file_are_counted(folder):
    file = written(folder, "cap_train.jsonl").replace("train", "{split}")
    found = list(read(file, "train"))
    assert [item.reason for item in found if isinstance(item, LeftOut)] == [
        "its split is 'val', and the file's name says 'train'"
    ]
    assert len(found) == 2


def test_a_name_of_several_splits_without_a_column_names_none(folder):
    (folder / "all_train_val.csv").write_text("image,caption\n0.png,a dog\n")
    assert (
        split_names(str(folder / "all_train_val.csv")) == []
        and len(load(str(folder / "all_train_val.csv"), "val")) == 1
    )


def test_a_file_of_one_split_says_what_gives_another(folder):
    (folder / "cap_train.csv").write_text("image,caption\n0.png,a dog\n")
    with pytest.raises(ValueError, match="rename the file if it holds 'val' too, or put the file of 'val' beside it"):
        load(str(folder / "cap_train.csv"), "val")
    (folder / "cap_val.csv").write_text("image,caption\n1.png,a dog\n")
    with pytest.raises(ValueError, match=r"type .*cap_\{split\}.csv for both"):
        load(str(folder / "cap_train.csv"), "val")
