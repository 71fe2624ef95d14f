"""JSON files of captions in the forms of other programs, each with the same two pictures."""

from __future__ import annotations

import json

import pytest

from captioner.data import DATA, load, read, split_names
from captioner.data.caption_files import read_captions
from captioner.data.detect import recognise
from captioner.data.left_out import LeftOut
from metric.example import Example

SAID = {"b.jpg": ("a dog", "dogs run"), "a.jpg": ("a red car",)}


def turns(text: str) -> list[dict]:
    return [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": text}]


def messages(text: str) -> list[dict]:
    return [{"role": "user", "content": "<image>"}, {"role": "assistant", "content": [{"type": "text", "text": text}]}]


def each() -> list[tuple[str, str]]:
    """(picture, caption), in an order that parts the captions of a picture."""
    return [("b.jpg", "a dog"), ("a.jpg", "a red car"), ("b.jpg", "dogs run")]


FORMS = {
    "blip": [{"image": name, "caption": text, "image_id": name[0]} for name, text in each()],
    "blip_lists": [{"image": name, "caption": list(texts)} for name, texts in SAID.items()],
    "clipcap": [{"image_id": name, "caption": text, "id": n} for n, (name, text) in enumerate(each())],
    "llava": [{"id": f"{n}", "image": name, "conversations": turns(text)} for n, (name, text) in enumerate(each())],
    "swift": [{"messages": messages(text), "images": [{"path": name}]} for name, text in each()],
    "names": {name: list(texts) for name, texts in SAID.items()},
    "pycocoevalcap": {name: [{"image_id": name, "caption": text} for text in texts] for name, texts in SAID.items()},
    "kohya": {name: {"captions": list(texts), "tags": "x"} for name, texts in SAID.items()},
    "minigpt": {"annotations": [{"image_id": name, "caption": text} for name, text in each()]},
    "results": [{"image_id": name, "caption": text} for name, text in each()],
    "pandas": {"image": {"0": "b.jpg", "1": "a.jpg"}, "caption": {"0": list(SAID["b.jpg"]), "1": "a red car"}},
    "printed": [{"file_name": name, "text": str(list(texts))} for name, texts in SAID.items()],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised_and_gives_the_same_captions(photographs, form):
    path = photographs.parent / "captions.json"
    path.write_text(json.dumps(FORMS[form]))
    found = load(f"json:file={path},images={photographs}", "train")
    assert [(example.image, example.references) for example in found] == [
        (photographs / name, texts) for name, texts in SAID.items()
    ]
    path.rename(photographs / "captions.json")
    assert [example.references for example in load(str(photographs / "captions.json"), "test")] == [*SAID.values()]


def test_ids_of_rows_are_not_ids_of_pictures_and_are_counted(photographs):
    path = photographs / "data.json"
    path.write_text(json.dumps([{"image": name, "caption": text, "id": n} for n, (name, text) in enumerate(each())]))
    items = list(read(str(path), "train"))
    assert [(item.id, item.references) for item in items if not isinstance(item, LeftOut)] == [*SAID.items()]
    lost = LeftOut("0", "it differs among records of one picture, whose name is the id", "id")
    assert items[0] == lost and sum(isinstance(item, LeftOut) for item in items) == 3
    by_id = load(f"json:file={path},id=id", "train")
    assert [(example.id, example.references) for example in by_id] == [
        ("0", ("a dog",)),
        ("1", ("a red car",)),
        ("2", ("dogs run",)),
    ]


@pytest.mark.parametrize(
    "content, words",
    [
        ([{"image": "b.jpg", "caption": 7}], "row 1: expected a caption or a list of captions, got 7"),
        ([{"image": "b.jpg", "caption": "x"}, "y"], 'row 2 is "y", expected'),
        ([{"image": {"of": 1}, "caption": "x"}], "row 1: the picture must be a path"),
        ([{"image": "b.jpg", "id": [1], "caption": "x"}], "row 1 has the id"),
        ([{"image": "b.jpg", "said": "a dog runs"}], "type references=said, or references=none"),
        ([{"image": "b.jpg", "id": 1}, {"image": "a.jpg", "id": 1}], "'1' is the id of two pictures, b.jpg and a.jpg"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_place(photographs, content, words):
    path = photographs / "data.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="data.json") as error:
        load(f"json:file={path}", "train")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_rows_without_a_picture_or_with_several_and_talks_of_several_answers_are_counted(photographs):
    talk = [*turns("a dog"), *turns("It is brown.")]
    rows = [{"image": None, "caption": "x"}, {"images": ["b.jpg", "a.jpg"], "caption": "x"}]
    (photographs / "data.json").write_text(json.dumps([*rows, {"image": "b.jpg", "conversations": talk}]))
    items = list(read(f"json:file={photographs / 'data.json'}", "train"))
    assert [item.reason for item in items if isinstance(item, LeftOut)] == [
        "it names no picture",
        "it names 2 pictures",
        *["its conversation has 2 answers, and any may be the caption"] * 2,
    ]


def test_a_name_that_comes_twice_is_refused_and_half_an_emoji_is_replaced(photographs):
    path = photographs / "data.json"
    path.write_text('{"b.jpg": ["x"], "b.jpg": ["y"]}')
    with pytest.raises(ValueError, match="the key 'b.jpg' stands twice in"):
        load(f"json:file={path}", "train")
    path.write_text('{"b.jpg": ["a dog \\ud83d runs", "a \\ud83d\\ude00"]}')
    (example,) = load(f"json:file={path}", "train")
    assert example.references == ("a dog \ufffd runs", "a \U0001f600")


def test_splits_are_those_of_the_rows_in_any_spelling(photographs):
    path = photographs / "data.json"
    rows = [
        {"image": "b.jpg", "split": "Train"},
        {"image": "a.jpg", "split": "TEST"},
        {"image": "v.jpg", "split": None},
    ]
    path.write_text(json.dumps(rows))
    assert split_names(f"json:file={path}") == ["train", "test"]
    assert [example.id for example in load(f"json:file={path}", "train")] == ["b.jpg", "v.jpg"]
    path.write_text(json.dumps(rows[:2]))
    with pytest.raises(ValueError, match="no picture of the split 'val'; it has the splits train, test"):
        load(f"json:file={path}", "val")


def test_a_number_stands_for_cocos_file(photographs):
    (photographs / "b.jpg").rename(photographs / "COCO_val2014_000000000042.jpg")
    (photographs / "data.json").write_text(json.dumps([{"image_id": 42, "id": 7, "caption": "a dog"}]))
    (example,) = load(f"json:file={photographs / 'data.json'}", "train")
    assert (example.id, example.image) == ("42", photographs / "COCO_val2014_000000000042.jpg")


def test_a_conversation_without_a_picture_is_no_caption_of_the_picture_that_has_its_number(photographs, tmp_path):
    """LLaVA's mix has conversations of text alone, whose ids may be names of pictures."""
    (photographs / "2.jpg").write_bytes((photographs / "b.jpg").read_bytes())
    talk = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello you"}]
    rows = [{"id": "1", "image": "b.jpg", "conversations": talk}, {"id": "2", "conversations": talk}]
    path = tmp_path / "llava.json"
    path.write_text(json.dumps(rows))
    items = [*read(f"json:file={path},images={photographs}", "train")]
    assert [(item.image.name, item.references) for item in items if isinstance(item, Example)] == [
        ("b.jpg", ("hello you",))
    ]
    (lost,) = [item for item in items if isinstance(item, LeftOut)]
    assert "row 2" in lost.id and lost.reason == "it names no picture"


def test_columns_of_lists_are_rows(photographs, tmp_path):
    path = tmp_path / "columns.json"
    path.write_text(json.dumps({"image": ["b.jpg", "a.jpg"], "caption": ["a dog runs", None], "n": [1, 2]}))
    examples = load(f"json:file={path},images={photographs}", "train")
    assert [(item.id, item.references) for item in examples] == [("b.jpg", ("a dog runs",)), ("a.jpg", ())]
    assert recognise(str(path), DATA).format == "json"
    assert read_captions(path) == {"b.jpg": "a dog runs"}
