from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.data import load


@pytest.fixture
def root(tmp_path) -> Path:
    for name in "b.png", "deep/er/a.JPG", "deep/c.webp":
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    return tmp_path


def written(root: Path, *rows: dict | str) -> str:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (root / "data.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"jsonl:file={root / 'data.jsonl'}"


def test_folder_is_all_pictures_below_it_by_their_path(root):
    examples = load(f"folder:root={root}", "test")
    assert [example.id for example in examples] == ["b.png", "deep/c.webp", "deep/er/a.JPG"]
    assert all(example.image == root / example.id and not example.references for example in examples)
    assert load(f"folder:root={root}", "train") == examples


def test_folder_without_pictures_is_refused(root):
    (root / "empty").mkdir()
    (root / "empty" / "notes.txt").touch()
    for name, words in ("empty", "has no picture"), ("none", "neither a folder"), ("notes.txt", "neither a folder"):
        with pytest.raises(ValueError, match=words):
            load(f"folder:root={root / name}", "test")


def test_lines_become_examples(root):
    spec = written(
        root,
        {"image": "b.png", "references": ["two", "words"], "more": 1},
        "",
        {"image": "deep/c.webp", "id": 7, "references": ["a line\u2028 of its own"]},
    )
    first, second = load(spec, "train")
    assert (first.id, first.image, first.references) == ("b.png", root / "b.png", ("two", "words"))
    assert (second.id, second.references) == ("7", ("a line\u2028 of its own",))


def test_paths_start_where_the_pictures_are(root):
    spec = written(root, {"image": "c.webp"})
    (example,) = load(f"{spec},images={root / 'deep'}", "train")
    assert example.image == root / "deep" / "c.webp" and not example.references


def test_line_without_a_split_is_in_all(root):
    spec = written(root, {"image": "b.png", "split": "train"}, {"image": "deep/c.webp"})
    assert [example.id for example in load(spec, "train")] == ["b.png", "deep/c.webp"]
    assert [example.id for example in load(spec, "test")] == ["deep/c.webp"]


def test_windows_mark_is_no_part_of_the_first_line(root):
    (root / "data.jsonl").write_bytes(b'\xef\xbb\xbf{"image": "b.png"}\r\n')
    assert [example.id for example in load(f"jsonl:file={root / 'data.jsonl'}", "test")] == ["b.png"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("{", "data.jsonl:2 is not JSON"),
        ("[]", 'data.jsonl:2: expected an object {"image"'),
        ('{"photo": "b.png"}', "data.jsonl:2 has no usual column for image"),
        ('{"image": {"of": 7}}', "data.jsonl:2: the picture must be a path"),
        ('{"image": "b.png", "references": 7}', "data.jsonl:2.* list of captions"),
        ('{"image": "x.jpg", "id": "deep/c.webp"}', "'deep/c.webp' is the id of two pictures"),
    ],
)
def test_line_that_cannot_be_is_told_by_its_number(root, line, words):
    spec = written(root, {"image": "deep/c.webp"}, line)
    with pytest.raises(ValueError, match=words):
        load(spec, "train")


def test_split_of_no_line_and_file_of_no_text_are_refused(root):
    spec = written(root, {"image": "b.png", "split": "train"})
    with pytest.raises(ValueError, match="no picture of the split 'test'"):
        load(spec, "test")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        load(f"jsonl:file={root / 'b.png'}", "test")
