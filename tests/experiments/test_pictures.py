"""The pictures of the README: which scenes they show, and what they say, on runs that are made up."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from captioner.runs.outcome import Outcome
from experiments import captions_card, pictures
from tests.places import ROOT

SCORES = {"scene_grammatical": 99.6, "scene_truth": 50.0, "rep_4": 0.125}


def outcome(captions: dict[str, str]) -> Outcome:
    config = {"data": "scenes:count=8", "rewards": []}
    return Outcome(Path("run"), config, [], SCORES, 1000, {}, {}, captions)


def test_the_first_scenes_with_different_captions_are_shown():
    one = {"b": "a cat", "a": "a dog", "c": "a bird", "d": "a fish"}
    other = {"a": "a dog", "b": "two cats", "c": "birds", "d": "fishes"}
    assert captions_card.first_different([one, other], 2) == ["b", "c"]
    assert captions_card.first_different([one, other], 9) == ["b", "c", "d"]


def test_captions_become_a_small_picture(tmp_path):
    keys = [f"test-{number:06}" for number in range(6)]
    outcomes = {
        name: outcome({key: f"a {name} cat {key}" for key in keys}) for name in ("xe", "cider", "clips", "pacspp")
    }
    captions_card.draw_captions(outcomes, "What a\nreward does", "{count:,} scenes", tmp_path / "captions.png")
    assert (tmp_path / "captions.png").stat().st_size < 300_000
    with Image.open(tmp_path / "captions.png") as card:
        assert card.width == 1600


def test_facts_are_rounded():
    assert captions_card.facts(outcome({})) == ["100 % grammatical", "50 % of claims true", "0.12 repeats (Rep-4)"]


def test_an_audit_is_read_as_it_was_written(tmp_path):
    row = {"corruption": "x", "metric": "m", "count": 2, "not_applicable": 0, "higher": 0.5, "low": 0.1, "high": 0.9}
    row |= {"tied": 0.0, "margin": 0.0, "margin_sd": None}
    record = {"samples": {"x": {"original": "a cat", "corrupted": "cat"}}, "rows": [row], "data": "scenes"}
    (tmp_path / "audit.json").write_text(json.dumps(record))
    audit = pictures.read_audit(tmp_path / "audit.json")
    assert audit.row("x", "m").higher == 0.5 and audit.samples == {"x": ("a cat", "cat")}


def test_the_pictures_of_the_readme_are_small():
    folder = ROOT / "docs" / "pictures"
    assert {path.name for path in folder.iterdir()} == {"captions.png", "audit.png", "pressure.png"}
    assert all(path.stat().st_size < 300_000 for path in folder.iterdir())
