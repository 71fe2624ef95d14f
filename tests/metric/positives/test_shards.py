"""Shards that others have packed: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from metric.positives.shards import Sample, read
from metric.positives.sources import RecordedPositives
from tests.odd_files import picture, tar_of


def samples(folder: Path, files: dict[str, bytes]) -> dict[str, Sample]:
    return {sample.key: sample for sample in read([Path(tar_of(folder / "a.tar", files.items()))])}


@pytest.mark.parametrize("before", ["", "./", "a.b/"])
def test_files_of_a_sample_are_found_in_any_folder_and_order(tmp_path: Path, before: str) -> None:
    files = {"0.JPG": picture(0), "1.gif": picture(1, "GIF"), "1.json": b'{"id": 1.0}', "0.json": b'{"id": "x"}'}
    found = samples(tmp_path, {before + name: content for name, content in (files | {"0.txt": b" a dog\r\n"}).items()})
    first, second = found.values()
    assert (first.record["id"], first.text, second.record["id"], second.text) == ("x", "a dog", "1", None)
    assert [sample.image.draw().size for sample in (first, second)] == [(12, 8), (12, 8)]


def test_a_mark_and_blank_texts_are_no_captions(tmp_path: Path) -> None:
    marked = b"\xef\xbb\xbf"
    found = samples(
        tmp_path, {"0.json": marked + b'{"id": 0}', "0.txt": marked + b"a dog", "1.txt": b" \n", "1.json": b'{"id": 1}'}
    )
    assert [sample.text for sample in found.values()] == ["a dog", None]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"0.txt": b"a"}, '0 needs 0.json, a JSON object with the "id"'),
        ({"0.json": b"[]"}, "0 needs 0.json"),
        ({"0.json": b'{"id": null}'}, "0 needs 0.json"),
        ({"0.json": b'{"id": true}'}, "0 needs 0.json"),
        ({"0.json": b'{"id": 1}', "./0.json": b'{"id": 2}'}, "has 0.json twice"),
        ({"0.json": b'{"id": 1}', "0.jpg": b"", "0.png": b""}, "has several pictures of 0: jpg, png; expected one"),
        ({"0.json": b'{"id": 1}', "0.txt": "é".encode("latin-1")}, "0.txt is no UTF-8"),
    ],
)
def test_what_is_no_sample_is_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        samples(tmp_path, files)
    assert str(tmp_path / "a.tar") in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_not_read_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tar_of(tmp_path / "a.tar", {"0.json": b'{"id": "x"}', "0.txt": b"a dog", "0.cls": b"3"}.items())
    assert RecordedPositives(tmp_path).texts == {"x": ["a dog"]}
    assert "positives are .txt, .json and pictures, the first a.tar/0.cls" in caplog.text
