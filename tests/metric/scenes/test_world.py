from collections import Counter

import pytest

from metric.scenes.world import COLOURS, KINDS, SETTINGS, SPLITS, held_out, sample


def test_world_is_as_rich_as_promised():
    assert len(KINDS) >= 20 and len(set(KINDS)) == len(KINDS)
    assert len(COLOURS) >= 8 and len(SETTINGS) >= 8


def test_same_number_gives_the_same_scene():
    assert sample("train", 7) == sample("train", 7)
    assert len({sample("train", n).key for n in range(500)}) == 500


def test_splits_are_disjoint():
    keys = {split: {sample(split, n).key for n in range(300)} for split in SPLITS}
    assert all(not keys[a] & keys[b] for a in keys for b in keys if a != b)


def test_only_the_ood_split_holds_the_held_out_combinations():
    for split in SPLITS:
        assert {held_out(sample(split, n)) for n in range(300)} == {split == "ood"}


def test_training_holds_every_kind_colour_and_setting():
    scenes = [sample("train", n) for n in range(2000)]
    assert {thing.kind for scene in scenes for thing in scene.things} == set(KINDS)
    assert {thing.colour for scene in scenes for thing in scene.things} == set(COLOURS)
    assert {scene.setting for scene in scenes} == set(SETTINGS)


def test_things_of_a_scene_are_of_different_kinds():
    for number in range(500):
        scene = sample("train", number)
        assert max(Counter(thing.kind for thing in scene.things).values()) == 1
        assert bool(scene.relation) == (len(scene.things) == 2) != bool(scene.position)


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="train, val, test, ood, got 'dev'"):
        sample("dev", 0)
