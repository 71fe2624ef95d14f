"""Scenes are drawn as their graphs say; where a thing is, is told by the pixels that its colour changes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from PIL import Image, ImageChops

from metric.scenes.backgrounds import BACKGROUNDS
from metric.scenes.draw import PAINT, SIDE, draw, layout
from metric.scenes.shapes import SHAPES
from metric.scenes.world import COLOURS, KINDS, POSITIONS, SETTINGS, SIZES, STATES, Scene, Thing, sample


def alone(
    kind: str,
    colour: str = "red",
    size: str = "large",
    setting: str = "meadow",
    count: int = 1,
    state: str = "",
) -> Scene:
    return Scene(setting, (Thing(kind, colour, size, count, state),), position="middle", look=5)


def changed(one: Image.Image, other: Image.Image) -> Image.Image:
    """White where two pictures differ."""
    return ImageChops.difference(one, other).convert("L").point(lambda value: 255 if value > 8 else 0)


def area(mask: Image.Image) -> int:
    return mask.histogram()[255]


def recoloured(scene: Scene, index: int) -> Scene:
    """The same scene and look, one thing in another colour: only that thing's pixels change."""
    things = list(scene.things)
    things[index] = replace(things[index], colour="green" if things[index].colour != "green" else "red")
    return replace(scene, things=tuple(things))


def place(scene: Scene, index: int) -> tuple[int, int, int, int]:
    """Left, upper, right, lower of the pixels that a thing's colour fills."""
    box = changed(draw(scene), draw(recoloured(scene, index))).getbbox()
    assert box
    return box


def test_every_word_of_the_world_can_be_drawn():
    assert set(SHAPES) == set(KINDS)
    assert set(BACKGROUNDS) == set(SETTINGS)
    assert set(PAINT) == set(COLOURS)
    assert set(SIDE) == set(SIZES)


@pytest.mark.parametrize("size", [48, 96, 224])
def test_a_picture_is_square_and_rgb(size):
    picture = draw(sample("train", 0), size)
    assert (picture.size, picture.mode) == ((size, size), "RGB")


def test_a_scene_draws_its_default_picture():
    scene = sample("val", 3)
    assert scene.draw().tobytes() == draw(scene, 96).tobytes()


def test_equal_scenes_draw_equal_bytes():
    for index in range(20):
        assert draw(sample("train", index)).tobytes() == draw(sample("train", index)).tobytes()


def test_another_look_is_another_picture():
    for index in range(20):
        scene = sample("train", index)
        assert area(changed(draw(scene), draw(scene.again(scene.look + 1)))) > 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_colour_of_a_kind_stands_out_from_every_setting(kind):
    for setting in SETTINGS:
        for one, other in combinations(COLOURS, 2):
            mask = changed(draw(alone(kind, one, setting=setting), 48), draw(alone(kind, other, setting=setting), 48))
            assert area(mask) > 40, (setting, one, other)


@pytest.mark.parametrize("one, other", list(combinations(KINDS, 2)))
def test_kinds_differ_at_48_pixels(one, other):
    for size, least in (("large", 120), ("small", 45)):
        assert area(changed(draw(alone(one, size=size), 48), draw(alone(other, size=size), 48))) > least


@pytest.mark.parametrize("one, other", list(combinations(SETTINGS, 2)))
def test_settings_differ(one, other):
    mask = changed(draw(alone("ball", setting=one)), draw(alone("ball", setting=other)))
    assert area(mask) > 0.4 * 96 * 96


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_large_thing_covers_more_than_a_small_one(kind, count):
    covered = {}
    for size in SIZES:
        scene = alone(kind, size=size, count=count)
        covered[size] = area(changed(draw(scene), draw(recoloured(scene, 0))))
    assert covered["large"] > 1.8 * covered["small"]


@pytest.mark.parametrize("kind, state", [(kind, state) for kind in KINDS for state in STATES[kind]])
def test_a_state_is_seen(kind, state):
    for size, least in (("large", 120), ("small", 40)):
        still, busy = draw(alone(kind, size=size), 48), draw(alone(kind, size=size, state=state), 48)
        assert area(changed(still, busy)) > least


@pytest.mark.parametrize("split", ["train", "ood"])
def test_a_relation_is_seen(split):
    for index in range(150):
        scene = sample(split, index)
        if scene.relation:
            first, second = place(scene, 0), place(scene, 1)
            if scene.relation in ("right", "below"):
                first, second = second, first
            axis = 0 if scene.relation in ("left", "right") else 1
            assert first[axis + 2] <= second[axis], scene


@pytest.mark.parametrize(
    "size, count",
    [
        ("small", 1),
        ("small", 2),
        ("small", 3),
        ("large", 1),
        ("large", 3),
        ("large", 2),
    ],
)
def test_a_thing_alone_is_where_its_position_says(size, count):
    for kind in KINDS:
        scenes = [replace(alone(kind, size=size, count=count), position=where) for where in POSITIONS]
        left, middle, right = ((box[0] + box[2]) / 2 for box in (place(scene, 0) for scene in scenes))
        assert left + 3 < middle < right - 3


def test_copies_are_as_many_as_counted_and_never_meet():
    for index in range(200):
        scene = sample("test", index)
        spots = layout(scene, Random(scene.look))
        assert [len(cells) for cells in spots] == [thing.count for thing in scene.things]
        boxes = [box for cells in spots for box in cells]
        for box in boxes:
            assert 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
        for one, other in combinations(boxes, 2):
            gap = max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
            assert gap > -1e-9, scene
