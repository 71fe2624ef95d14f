import json

import pytest

from captioner.config import PRESETS, Run, as_json, check, dotted, from_json, override
from captioner.flags import field_docs


def test_every_field_is_documented_and_there_are_at_most_forty():
    run = Run()
    kinds = [type(run), type(run.model), type(run.decode), type(run.xe), type(run.scst)]
    documented = sum(len(field_docs(kind)) for kind in kinds)
    assert documented == len(dotted(run)) <= 40


def test_config_survives_json():
    run = override(Run(), {**PRESETS["small"], "rewards": ("cider", "clips:weight=0.5"), "scst.lr": 1e-4})
    assert from_json(json.dumps({**as_json(run), "commit": "abc", "hardware": "x"})) == run


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_hold(preset):
    run = override(Run(), PRESETS[preset])
    assert check(run) is run


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"precision": "fp8"}, "--precision is one of fp32, bf16, got 'fp8'"),
        ({"scst.baseline": "rloo"}, "--scst.baseline is one of"),
        ({"rewards": ("cider",), "scst.samples": 1}, "got --scst.samples 1"),
        ({"xe.warmup": 1.0}, "--xe.warmup is a share of the steps"),
        ({"xe.steps": 0}, "nothing to train"),
        ({"model.d": 100}, "--model.d 100 cannot be split over --model.heads 8"),
        ({"xe.batch_size": 0}, "--xe.batch_size is 1 or more"),
        ({"xe.steps": -1}, "--xe.steps is 0 or more, got -1"),
        ({"rewards": ("cider",), "scst.steps": 0}, "--scst.steps is 1 or more, got 0"),
        ({"val_count": -5}, "--val_count is 1 or more, got -5"),
    ],
)
def test_impossible_settings_are_named(changes, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        check(override(Run(), changes))


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="no setting 'xe.speed'"):
        override(Run(), {"xe.speed": 1})
