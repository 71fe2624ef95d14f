"""The same numbers in metrics.jsonl and in TensorBoard."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from captioner.runs.folder import RunFolder
from captioner.training.log import CaptionLog
from metric.runtime.log import Log

RED = Image.new("RGB", (8, 6), "red")


@pytest.fixture
def out(tmp_path):
    with CaptionLog(RunFolder(tmp_path / "run")) as log:
        log.step(10, {"loss": 2.5}, "xe")
        log.evaluation(10, {"cider": 0.5}, {"a": (RED, "ein Würfel 🐈")}, "xe")
        log.evaluation(20, {"cider": 0.75}, {"a": (RED, "a cube")}, "xe")
    return tmp_path / "run"


def rows(out) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]


def board(out) -> EventAccumulator:
    return EventAccumulator(str(out / "tensorboard"), size_guidance={"images": 0}).Reload()


def test_metrics_are_one_object_a_line(out):
    assert rows(out) == [
        {"stage": "xe", "step": 10, "loss": 2.5},
        {"stage": "xe", "step": 10, "val/cider": 0.5, "captions": {"a": "ein Würfel 🐈"}},
        {"stage": "xe", "step": 20, "val/cider": 0.75, "captions": {"a": "a cube"}},
    ]


def test_tensorboard_has_the_same_numbers(out):
    scalars = [
        (tag, event.step, event.value) for tag in ("xe/loss", "xe/val/cider") for event in board(out).Scalars(tag)
    ]
    assert scalars == [("xe/loss", 10, 2.5), ("xe/val/cider", 10, 0.5), ("xe/val/cider", 20, 0.75)]


def test_a_picture_is_logged_once_and_its_caption_every_time(out):
    found = board(out)
    assert [(event.width, event.height) for event in found.Images("a")] == [(8, 6)]
    said = [event.tensor_proto.string_val[0].decode() for event in found.Tensors("xe/a/text_summary")]
    assert said == ["ein Würfel 🐈", "a cube"]


def test_a_log_is_continued(out):
    with CaptionLog(RunFolder(out)) as log:
        log.step(1, {"loss": 0.0}, "reward")
    assert len(rows(out)) == 4


def test_lines_are_on_disk_before_the_log_is_closed(tmp_path):
    with CaptionLog(RunFolder(tmp_path)) as log:
        log.step(1, {"loss": 1.0}, "xe")
        assert len(rows(tmp_path)) == 1


def test_a_trainer_of_one_stage_names_none(tmp_path):
    with Log(tmp_path / "metrics.jsonl", tmp_path / "tensorboard") as log:
        log.cautions(["a small batch"])
        log.step(1, {"loss": 0.5})
    assert rows(tmp_path) == [{"step": 0, "cautions": ["a small batch"]}, {"step": 1, "loss": 0.5}]
    assert [event.value for event in board(tmp_path).Scalars("loss")] == [0.5]


def test_a_number_that_json_does_not_know_becomes_null(tmp_path):
    with Log(tmp_path / "metrics.jsonl", tmp_path / "board") as log:
        log.step(1, {"loss": 2.0, "grad_norm": float("inf")})
        log.step(2, {"loss": 2.0, "grad_norm": float("nan")})
    assert rows(tmp_path) == [{"step": n, "loss": 2.0, "grad_norm": None} for n in (1, 2)]
