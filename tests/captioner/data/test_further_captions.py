"""Captions under names that are not known: asked for where they stand alone, named where they stand beside others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.data import load, read
from captioner.data.caption_files import read_captions
from captioner.data.left_out import LeftOut
from captioner.data.rows.records import tell_unread
from tests.odd_files import picture


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "1.png").write_bytes(picture(1, "PNG"))
    tell_unread.cache_clear()
    return tmp_path


def table(folder: Path, row: dict[str, str]) -> str:
    (folder / "t.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    return str(folder / "t.csv")


@pytest.mark.parametrize(("name", "text"), [("caption_zh", "一只狗在跑"), ("zh", "一只狗在跑"), ("caption_de", "Hund")])
def test_captions_of_one_word_under_an_unknown_name_are_asked_for(folder, name, text):
    with pytest.raises(ValueError, match=f"type references={name}"):
        load(table(folder, {"image": "1.png", name: text}), "test")


@pytest.mark.parametrize("more", [{"caption_id": "a7"}, {"place": "狗.jpg"}, {"tag": "dog"}])
def test_other_columns_are_no_captions(folder, more, capsys):
    (example,) = load(table(folder, {"image": "1.png"} | more), "test")
    assert example.references == () and not capsys.readouterr().err


def test_a_further_column_is_named(folder, capsys):
    file = table(folder, {"image": "1.png", "caption": "a dog runs", "caption_de": "Hund"})
    load(file, "test")
    assert "'caption_de' is not read; type references=caption+caption_de" in capsys.readouterr().err
    tell_unread.cache_clear()
    assert read_captions(Path(file)) == {"1.png": "a dog runs"}
    assert "'caption_de' is not read; call the column to be read prediction" in capsys.readouterr().err


def test_further_captions_beside_a_picture_are_counted(folder):
    (folder / "1.json").write_text(json.dumps({"caption": "a dog runs", "caption_de": "ein Hund rennt"}))
    (lost,) = (item for item in read(str(folder), "test") if isinstance(item, LeftOut))
    assert lost == LeftOut("1.png", "the caption_de of its .json is not read; type references=caption_de", "caption")
