"""Rows of other programs: pictures, references and captions in every form that a column may have."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from metric.evaluation import evaluate
from metric.example import Cut, Example, open_image
from metric.images import UnreadableImage
from metric.pictures import as_examples
from metric.scenes.world import sample
from rewards import Context, build, parse
from rewards.bridges.client import item
from rewards.bridges.columns import Columns, Row, captions_of
from rewards.bridges.judge import Judge
from rewards.bridges.pictures import picture_of

RED = Image.new("RGB", (12, 9), "red")


@pytest.fixture
def file(tmp_path) -> Path:
    RED.save(tmp_path / "red.png")
    return tmp_path / "red.png"


def forms(file: Path) -> list[object]:
    data = file.read_bytes()
    whole = {"bytes": data, "path": None}
    return [RED, str(file), file, data, whole, {"bytes": None, "path": str(file)}, [RED], (str(file),)]


def test_every_form_of_a_picture_draws_the_picture(file):
    for form in forms(file):
        assert picture_of(form, "row 0").draw().tobytes() == RED.tobytes()
    scene = sample("train", 0)
    assert picture_of(scene, "row 0") is scene
    assert [picture_of(nothing, "row 0") for nothing in (None, [], {"bytes": None, "path": None})] == [None] * 3


def test_equal_content_has_one_key_whatever_the_object(file, tmp_path):
    (tmp_path / "copy.png").write_bytes(file.read_bytes())
    assert picture_of(str(file), "a").key == picture_of(tmp_path / "copy.png", "b").key
    assert picture_of(RED, "a").key == picture_of(RED.copy(), "b").key
    assert picture_of(RED, "a").key != picture_of(RED.resize((9, 12)), "a").key  # as many bytes of one colour


def test_pil_picture_is_turned_upright_like_its_file(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((12, 9), 50).convert("RGB").save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as lazy:
        picture = picture_of(lazy, "row 0")
    assert picture.draw().size == (9, 12)
    assert picture.draw().tobytes() == open_image(tmp_path / "turned.png").tobytes()


def test_damaged_pictures_show_when_they_are_drawn(file):
    broken = io.BytesIO(file.read_bytes()[:50])
    for form in (b"no picture", Image.open(broken), Image.new("RGB", (1, 900))):
        with pytest.raises(UnreadableImage, match="row 3"):
            picture_of(form, "row 3").draw()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ([RED, RED], "row 3 has 2 pictures"),
        ("nowhere.png", "nowhere.png: No such file"),
        (3.5, "row 3: a picture is a path.*got float"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(form, words):
    with pytest.raises(ValueError, match=words) as error:
        picture_of(form, "row 3")
    assert "\n" not in str(error.value)


def test_columns_become_rows():
    batch = {"images": [[RED], [], None], "references": [["a", "b"], "c", None], "id": [1, 2, 3]}
    rows = Columns().rows(["x", "y", "z"], batch, ("images", "references"), "r")
    assert [row.caption for row in rows] == ["x", "y", "z"]
    assert [row.references for row in rows] == [("a", "b"), ("c",), ()]
    assert rows[0].image.draw() == RED and rows[1].image is None is rows[2].image
    assert Columns().rows(["x"], {}, (), "r") == [Row("x")]


@pytest.mark.parametrize("kind", ["datasets", "tensor"])
def test_a_column_that_makes_its_cells_anew_is_read_once(kind):
    if kind == "datasets":
        datasets = pytest.importorskip("datasets")
        features = datasets.Features({"image": datasets.Image()})
        column = datasets.Dataset.from_dict({"image": [RED, RED, RED]}, features=features)["image"]
    else:
        column = torch.stack([torch.zeros(3, 9, 12), torch.zeros(3, 9, 12), torch.ones(3, 9, 12)])
    rows = Columns().rows(["x", "y", "z"], {"image": column}, ("images",), "r")
    assert [row.image.draw().size for row in rows] == [RED.size] * 3 and rows[0].image.key == rows[1].image.key


def test_columns_of_other_names_are_found():
    rows = Columns("photo", "gold").rows(["x"], {"photo": [RED], "gold": ["y"]}, ("images", "references"), "r")
    assert rows[0].image.draw() == RED and rows[0].references == ("y",)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ({"photo": [RED]}, r'no column image or images \(it has photo\).*images="NAME"'),
        ({"image": [RED] * 3, "references": ["a", "b"]}, "2 captions came with 3 cells of the column image"),
        ({"image": [RED] * 2, "references": ["a"]}, "2 captions came with 1 cells of the column references"),
        ({"image": [RED] * 2}, 'needs references.*references="NAME"'),
    ],
)
def test_missing_columns_and_wrong_lengths_are_one_line_with_what_to_do(batch, words):
    with pytest.raises(ValueError, match=words) as error:
        Columns().rows(["x", "y"], batch, ("images", "references"), "r")
    assert "\n" not in str(error.value)


def test_one_text_is_no_list_of_its_letters():
    for call in (
        lambda: Example("1", Path(), "a dog"),
        lambda: item("a dog", None, "a dog"),
        lambda: captions_of("ab", [False, False]),
        lambda: Judge("cider"),
        lambda: build([parse("length")], Context())([Example("1", Path())], ["a dog"]),
        lambda: as_examples(["a", "b"], references="ab"),
    ):
        with pytest.raises(ValueError, match="are a list, got the text '") as error:
            call()
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="captions are a dictionary, .* got a list"):
        evaluate(["a dog"], [Example("1", Path())], ["length"])


def test_completions_are_texts_or_the_last_message_of_a_chat():
    parts = [{"type": "text", "text": "two "}, {"type": "image"}, {"type": "text", "text": "parts"}]
    chats = [
        [{"role": "assistant", "content": "a"}],
        [{"content": "first"}, {"content": parts}],
        [{"content": None}],
        [],
    ]
    assert captions_of(["plain", *chats], [False] * 5) == ["plain", "a", "two parts", "", ""]
    ended, cut = captions_of(["x", "y"], [False, True])
    assert not isinstance(ended, Cut) and isinstance(cut, Cut)
