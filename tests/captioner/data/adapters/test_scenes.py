from __future__ import annotations

import pytest

from captioner.data import load
from captioner.data.adapters.scenes import TEXTS
from metric.scenes.truth import belongs
from metric.scenes.world import Scene


def test_scenes_are_the_same_at_every_call():
    assert load("scenes:count=20", "train") == load("scenes:count=20", "train")


def test_count_and_first_choose_scenes_of_training():
    whole = load("scenes:count=12", "train")
    assert len(whole) == 12 and load("scenes:count=5,first=7", "train") == whole[7:]
    assert [example.id for example in whole][:2] == ["train-000000", "train-000001"]


@pytest.mark.parametrize("split", ["val", "test", "ood"])
def test_other_splits_are_whole_whatever_the_count(split):
    assert len(load("scenes:count=5", split)) == 1000


def test_splits_share_no_picture():
    pictures = [{example.image.key for example in load("scenes:count=1000", split)} for split in ("train", "test")]
    assert not set.intersection(*pictures)


def test_examples_are_scenes_with_five_references_in_their_language():
    for example in load("scenes:count=10", "train"):
        assert isinstance(example.image, Scene)
        assert len(example.references) == 5 and all(map(belongs, example.references))


@pytest.mark.parametrize("text, count", [("references", 5), ("alt", 5), ("names", 5), ("keywords", 1), ("all", 10)])
def test_texts_are_of_the_kind_asked_for(text, count):
    examples = load(f"scenes:count=6,text={text}", "train")
    assert set(TEXTS) == {"references", "alt", "names", "keywords", "all"}
    assert all(len(example.references) == count and all(example.references) for example in examples)
    assert [example.image for example in examples] == [example.image for example in load("scenes:count=6", "train")]
    assert load(f"scenes:count=6,text={text}", "train") == examples


def test_alternative_texts_vary_with_the_picture():
    texts = {text for example in load("scenes:count=20,text=alt", "train") for text in example.references}
    assert len(texts) > 30


def test_name_and_options_are_spelt_freely():
    assert load("Scenes:COUNT=3", "train") == load("scenes:count=3", "train")


@pytest.mark.parametrize("spec, split, words", [("scenes", "tset", "ood"), ("scenes:text=prose", "train", "keywords")])
def test_what_there_is_not_is_told_with_what_there_is(spec, split, words):
    with pytest.raises(ValueError, match=words):
        load(spec, split)
