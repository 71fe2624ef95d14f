"""The makers of positives: who gets the positive of another picture, and what a template and a painting are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from captioner.data import load
from experiments.positives.arms import ARMS, Recipe
from experiments.positives.made import positives
from experiments.positives.makers import MistakenCaptions, MistakenPictures, TemplateCaptions, mistaken, painted
from metric.positives.filter import read_about
from metric.positives.renderer import SceneCaptions, ScenePictures
from metric.positives.shards import read, shards_in
from metric.positives.units import units_of

DATA = "scenes:count=40"


@pytest.fixture(scope="module")
def units():
    return units_of(load(DATA, "train"), 1, 0)


def test_no_share_leaves_the_positives_of_the_renderer(units):
    assert MistakenCaptions(0.0)(units, []) == SceneCaptions()(units, [])


def test_a_share_has_the_positive_of_the_next_picture(units):
    right, wrong = SceneCaptions()(units, []), MistakenCaptions(0.5)(units, [])
    changed = [place for place in range(len(units)) if wrong[place] != right[place]]
    assert 10 <= len(changed) <= 30
    assert all(wrong[place] == right[(place + 1) % len(units)] for place in changed)


def test_all_pictures_of_a_full_share_are_moved_by_one(units):
    right, wrong = ScenePictures()(units), MistakenPictures(1.0)(units)
    assert [picture.tobytes() for picture in wrong] == [picture.tobytes() for picture in right[1:] + right[:1]]


def test_the_chance_hangs_on_the_seed_of_a_unit_and_not_on_its_batch(units):
    whole = [made for made in mistaken(range(40), units, 0.3)]
    assert [made != place for place, made in enumerate(whole[:20])] == [
        made != place for place, made in enumerate(mistaken(range(20), units[:20], 0.3))
    ]


def test_a_batch_of_one_has_no_other_picture(units):
    with pytest.raises(ValueError, match="a batch of one picture has no other picture"):
        mistaken(["a"], units[:1], 0.5)


def test_a_template_names_all_that_is_shown(units):
    caption = TemplateCaptions()(units[:1], [])[0]
    assert caption.startswith("this is a picture that shows ")
    assert units[0].example.image.setting in caption


def test_a_painting_has_few_colours_and_the_same_size():
    picture = Image.effect_noise((32, 24), 80).convert("RGB")
    assert painted(picture).size == (32, 24)
    assert all(value % 32 == 0 for value in painted(picture).tobytes())


def test_a_folder_is_made_once_and_each_filter_has_its_own(tmp_path):
    recipe = Recipe(mistaken=0.25)
    made = positives(recipe, DATA, Path("none"), tmp_path)
    before = shards_in(made)[0].stat().st_mtime_ns
    dropped = positives(recipe._replace(drop=0.25), DATA, Path("none"), tmp_path)
    positives(recipe, DATA, Path("none"), tmp_path)
    assert shards_in(made)[0].stat().st_mtime_ns == before
    assert read_about(made)["filter"]["text"]["dropped"] == 0
    assert read_about(dropped)["filter"]["text"]["dropped"] == read_about(dropped)["filter"]["image"]["dropped"] == 10


def test_the_similarity_of_a_mistaken_positive_is_that_of_the_wrong_pair(tmp_path):
    right = list(read(shards_in(positives(Recipe(), DATA, Path("none"), tmp_path))))
    wrong = list(read(shards_in(positives(Recipe(mistaken=0.5), DATA, Path("none"), tmp_path))))
    pairs = [(one.record["text"]["similarity"], two.record["text"]["similarity"]) for one, two in zip(right, wrong)]
    moved = [(one, two) for one, two in pairs if one != two]
    assert len(moved) > 10
    assert sum(two < one for one, two in moved) > 0.8 * len(moved)
    assert json.dumps(wrong[0].record).count('"mistaken": 0.5') == 2


def test_captions_of_a_captioner_need_its_run(tmp_path):
    with pytest.raises(ValueError, match="none is no scored run; give --captioner RUN"):
        positives(ARMS["t' by our captioner"].recipe, DATA, Path("none"), tmp_path)
