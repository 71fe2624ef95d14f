"""Requests of the reward server: what is read, and what is refused with which status."""

from __future__ import annotations

import io
import json
from base64 import b64encode

import pytest
from PIL import Image

from captioner.serving.items import BadRequest, Rules
from metric.example import Cut

RED = Image.new("RGB", (8, 6), "red")


def encoded() -> str:
    data = io.BytesIO()
    RED.save(data, "PNG")
    return b64encode(data.getvalue()).decode()


def body(**item) -> bytes:
    return json.dumps(item).encode()


def test_an_item_becomes_a_row(tmp_path):
    RED.save(tmp_path / "red.png")
    for rules, path in ((Rules(), str(tmp_path / "red.png")), (Rules(tmp_path), "red.png")):
        (row,), several = rules.read(body(caption="a dog", image=path, references=["x", ""], cut=True))
        assert isinstance(row.caption, Cut) and row.caption == "a dog" and row.references == ("x",) and not several
        assert row.image.draw() == RED
    (row,), _ = Rules(any_path=False).read(body(caption="", image={"base64": encoded()}, references="y"))
    assert not isinstance(row.caption, Cut) and row.image.draw() == RED and row.references == ("y",)


def test_items_become_rows_in_their_order():
    rows, several = Rules().read(body(items=[{"caption": text} for text in "abc"]))
    assert [row.caption for row in rows] == ["a", "b", "c"] and several


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"{", 400, "no JSON"),
        (b"\xff\xfe", 400, "no JSON"),
        (b"[" * 100_000, 400, "no JSON"),
        (b"[]", 422, "an object"),
        (body(), 422, "caption is a text"),
        (body(caption=3), 422, "caption is a text"),
        (body(caption="x", cut="no"), 422, "true or false"),
        (body(caption="x", imgae="y"), 422, "did you mean image"),
        (body(caption="x", image=3), 422, "image is a path"),
        (body(caption="x", image={"base64": 3}), 422, "image is a path"),
        (body(caption="x", image={"base64": "?"}), 422, "no base64"),
        (body(caption="x", image="nowhere.png"), 422, "No such file"),
        (body(caption="x", image="no\0where"), 422, "null"),
        (body(caption="x", image="~nobody-here/x.png"), 422, "home directory"),
        (body(caption="x", image="/"), 422, "directory"),
        (body(caption="x", references=[3]), 422, "list of texts"),
        (body(items=[]), 422, "one item or more"),
        (body(items=[{"caption": "x"}], caption="y"), 422, "one item or more"),
        (body(items=["x"]), 422, 'item 0 is "x"'),
        (body(items=[{"caption": "x"}, {}]), 422, "item 1"),
        (body(items=[{"caption": "x"}] * 257), 413, "at most 256"),
    ],
)
def test_bad_requests_are_refused_in_one_line(sent, status, words):
    with pytest.raises(BadRequest, match=words) as error:
        Rules().read(sent)
    assert error.value.status == status and "\n" not in str(error.value)


def test_paths_are_read_in_the_folder_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    RED.save(tmp_path / "secret.png")
    (tmp_path / "photos" / "link.png").symlink_to(tmp_path / "secret.png")
    rules = Rules(tmp_path / "photos")
    for path in ("../secret.png", str(tmp_path / "secret.png"), "link.png"):
        with pytest.raises(BadRequest, match="outside") as error:
            rules.read(body(caption="x", image=path))
        assert error.value.status == 403
    with pytest.raises(BadRequest, match="reads no paths"):
        Rules(any_path=False).read(body(caption="x", image=str(tmp_path / "secret.png")))
