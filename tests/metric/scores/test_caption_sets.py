"""Sets of captions as files: the layouts that are read, and one line for what is none."""

from __future__ import annotations

import json

import pytest

from metric.scores.caption_sets import read_corpus


@pytest.mark.parametrize(
    "content",
    [
        {"1": ["a dog", "dogs"], "2": ["a cat"]},
        {"1": [{"caption": "a dog"}, {"caption": "dogs"}], "2": [{"caption": "a cat"}]},  # pycocoevalcap
        {"annotations": [{"image_id": i, "caption": text} for i, text in ((1, "a dog"), (1, "dogs"), (2, "a cat"))]},
    ],
)
def test_captions_are_read_by_image(content, tmp_path):
    (tmp_path / "refs.json").write_text(json.dumps(content))
    assert read_corpus(tmp_path / "refs.json") == [("a dog", "dogs"), ("a cat",)]


@pytest.mark.parametrize(
    "content",
    [{"1": "a dog"}, {"1": [None]}, {"1": [{"text": "a"}]}, {"annotations": [{"image_id": 1, "caption": None}]}, [1]],
)
def test_what_is_no_caption_is_told_in_one_line(content, tmp_path):
    (tmp_path / "refs.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="refs.json must be a JSON file, COCO annotations or") as caught:
        read_corpus(tmp_path / "refs.json")
    assert "\n" not in str(caught.value)
