"""Rewards by the calling conventions of ms-swift: a class that is made with its arguments, then called with columns."""

from __future__ import annotations

import pytest
from PIL import Image

from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse
from rewards.bridges import orm

SCENE = sample("train", 0)
TEXTS = ["a dog", "a dog with a"]


def test_a_class_is_called_as_swift_calls_it(tmp_path):
    SCENE.draw().save(tmp_path / "scene.png")
    path = str(tmp_path / "scene.png")
    batch = {
        "images": [[{"bytes": None, "path": path}], [path]],
        "references": [list(references(SCENE))] * 2,
        "is_truncated": [False, True],
        "messages": [[], []],
        "trainer_state": None,
    }
    made = orm("refclips", "rouge_l:weight=0.5", clip="scenes-clip", name="quality")
    mix = build([parse("refclips"), parse("rouge_l:weight=0.5")], Context())
    total, _ = mix([Example("x", SCENE, references(SCENE))], [[TEXTS[0], Cut(TEXTS[1])]])
    assert made(args=object())(TEXTS, **batch) == pytest.approx(total[0].tolist(), abs=1e-6)
    assert made.__name__ == "quality" and orm("repetition:n=2").__name__ == "repetition:n=2"


def test_rows_that_cannot_be_judged_are_none():
    picture = Image.new("RGB", (8, 8))
    values = orm("clips", clip="scenes-clip")()(TEXTS, images=[[picture], None])
    assert isinstance(values[0], float) and values[1] is None


@pytest.mark.parametrize(
    ("batch", "words"), [({}, "no column image or images"), ({"images": [None]}, "2 captions came with 1 cells")]
)
def test_wrong_batches_are_one_line_with_what_to_do(batch, words):
    with pytest.raises(ValueError, match=words):
        orm("clips", clip="scenes-clip")()(TEXTS, **batch)
