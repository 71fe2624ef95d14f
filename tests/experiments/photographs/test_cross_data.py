"""Each metric sees as many pictures, a picture has positives of its own kind, and the table has all pairs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from captioner.data import load
from experiments.photographs import cross_data
from metric.example import Example
from metric.scenes.world import Scene

PHOTO = Example("a", Path("a.jpg"), ("a dog runs", "the dog is running"))


@pytest.fixture
def photographs(monkeypatch) -> str:
    """Forty photographs, of which nobody reads a picture."""
    monkeypatch.setattr(cross_data, "PICTURES", 40)
    photos = [Example(str(i), Path(f"{i}.jpg"), PHOTO.references) for i in range(60)]
    monkeypatch.setattr(cross_data, "load", lambda data, split: photos if data == "photos" else load(data, split))
    return "photos"


def test_each_metric_sees_as_many_pictures_and_both_half_of_each(photographs):
    found = cross_data.training(photographs)
    assert {name: len(examples) for name, examples in found.items()} == {"scenes": 40, "photographs": 40, "both": 40}
    assert sum(isinstance(example.image, Scene) for example in found["both"]) == 20


def test_scenes_have_other_wordings_and_photographs_other_references():
    scene, rng, positives = load("scenes", "val")[0], random.Random(0), cross_data.EitherPositives()
    assert positives.text(PHOTO, "a dog runs", rng) == "the dog is running"
    caption = scene.references[0]
    assert positives.text(scene, caption, rng) not in (None, caption)
    assert positives.image(scene, caption, rng) is None


def test_the_table_has_a_row_for_each_metric_and_data_set(tmp_path):
    names = {"nothing (CLIP-S)": tmp_path, "scenes": tmp_path, "both": tmp_path}
    people = {"clip_s": {"tau_b": 0.1}, "pac_spp:1": {"tau_b": 0.2}, "pac_spp:2": {"tau_b": 0.3}}
    (tmp_path / "people-0.json").write_text(json.dumps({"metrics": people}))
    for number, name in enumerate(("nothing", "scenes", "both")):
        drawn = {"i2t_r1": number / 10, "t2i_r1": 0.5, "tau_b": 0.9}
        photos = {"i2t_r1": 0.7, "t2i_r1": 0.8}
        (tmp_path / f"{name}-0.json").write_text(json.dumps({"scenes": drawn, "photographs": photos}))
    lines = list(cross_data.table(names, tmp_path, "0"))
    assert lines[2:4] == [
        "| nothing (CLIP-S) | scenes | 0.000 | 0.500 | 0.900 |",
        "| nothing (CLIP-S) | photographs | 0.700 | 0.800 | 0.100 |",
    ]
    assert len(lines) == 2 + 6 and lines[-1] == "| both | photographs | 0.700 | 0.800 | 0.300 |"
