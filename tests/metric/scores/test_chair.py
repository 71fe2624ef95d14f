"""CHAIR on a few pictures by hand, as its authors' rules have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metric.evaluation import evaluate
from metric.example import Example
from metric.scenes.world import Scene, Thing
from metric.scores.chair import Named, chair_i, chair_s, mentions, plural_of_word, read_instances, vocabulary
from metric.scores.ptb_tokenizer import tokenize
from tests.places import ROOT

INSTANCES = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 30, "file_name": "c.jpg"}],
    "categories": [{"id": 18, "name": "dog"}, {"id": 41, "name": "skateboard"}, {"id": 62, "name": "chair"}],
    "annotations": [
        {"image_id": 1, "category_id": 18},
        {"image_id": 1, "category_id": 18},
        {"image_id": 1, "category_id": 41},
        {"image_id": 2, "category_id": 62},
    ],
}


@pytest.fixture
def instances(tmp_path):
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(INSTANCES))
    return path


@pytest.mark.parametrize(
    ("caption", "objects"),
    [
        ("A puppy and two dogs on skateboards.", "dog dog skateboard"),
        ("a hot dog, wine glasses and a dining table", "hot dog|wine glass|dining table"),
        ("a baby elephant near a passenger train", "elephant train"),  # neither a person
        ("a baby animal", ""),
        ("the toilet seat is up; the seat of a toilet", "toilet toilet"),  # no chair
        ("a man with a bow tie and a teddy bear", "person|tie|teddy bear"),
        ("three women, policemen and children", "person person person"),
        ("geese, mice, knives, oxen and calves", "bird mouse knife cow cow"),
        ("a sky full of clouds", ""),
    ],
)
def test_objects_are_named_by_any_synonym_in_singular_and_plural(caption, objects):
    assert mentions(tokenize(caption)) == (objects.split("|") if "|" in objects else objects.split())


def test_the_eighty_objects_of_coco_name_themselves():
    names = vocabulary()
    content = json.loads((ROOT / "metric/assets/chair/objects.json").read_text())
    assert len(content["objects"]) == 80
    assert all(names[name] == name for name in content["objects"])


@pytest.mark.parametrize(
    ("word", "many"), [("bus", "buses"), ("bench", "benches"), ("pony", "ponies"), ("key", "keys")]
)
def test_plurals(word, many):
    assert plural_of_word(word) == many


def test_chair_by_hand(instances):
    examples = [
        Example("1", Path("a.jpg"), ("a dog rides past a bench",)),  # known by COCO's id; the bench is told
        Example("b.jpg", Path("b.jpg")),  # by file name
        Example("c", Path("c.jpg")),  # by file name without its ending; nothing is annotated
    ]
    captions = {"1": "a dog and a cat on a bench", "b.jpg": "a stool", "c": "two dogs by the sea"}
    found = evaluate(captions, examples, [f"chair_i:instances={instances}", "chair_s"])
    # dog, cat, bench | chair | dog: of five namings cat and the last dog are false
    assert found.corpus == {"chair_i": pytest.approx(40.0), "chair_s": pytest.approx(200 / 3)}
    assert list(found.per_caption["chair_i"].values()) == pytest.approx([100 / 3, 0, 100])
    assert list(found.per_caption["chair_s"].values()) == [100, 0, 100]


def test_without_any_object_nothing_is_hallucinated():
    assert chair_i([Named(0, 0)]) == chair_s([Named(0, 0)]) == chair_i([]) == 0


def test_chair_of_scenes_is_exact():
    dog = Scene("beach", (Thing("dog", "red", "small"),), position="left")
    examples = [Example(str(number), dog) for number in range(3)]
    captions = {"0": "a puppy and a cat", "1": "a red dog on the beach", "2": "on the beach"}
    found = evaluate(captions, examples, ["scene_chair_i", "scene_chair_s"])
    assert found.corpus == {"scene_chair_i": pytest.approx(100 / 3), "scene_chair_s": pytest.approx(100 / 3)}


def test_annotations_that_are_none_and_images_without_are_refused(instances, tmp_path):
    (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
    for name in ("captions.json", "missing.json"):
        with pytest.raises(ValueError, match="is not COCO's instances"):
            read_instances(tmp_path / name)
    with pytest.raises(ValueError, match="no image 'x.jpg'"):
        evaluate({"x.jpg": "a dog"}, [Example("x.jpg", Path("x.jpg"))], [f"chair_i:instances={instances}"])


def test_without_annotations_it_is_skipped():
    assert "instances=" in evaluate({"1": "a dog"}, [Example("1", Path("1"))], ["chair_i"]).skipped["chair_i"]
