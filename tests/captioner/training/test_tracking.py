"""Trackers get the numbers of metrics.jsonl. A tracker of our own stands in for those that need an account."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accelerate import PartialState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker, register_tracker_class
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from captioner.cli import main
from captioner.runs.folder import RunFolder
from metric.runtime.log import Log
from metric.runtime.trackers import tracking


class Recorder(GeneralTracker):
    """Keeps what accelerate's trackers are given."""

    name = "recorder"
    requires_logging_directory = False
    calls: list[tuple] = []  # noqa: RUF012

    def __init__(self, run_name: str, **kwargs):
        super().__init__()
        self.calls.append(("opened", run_name, kwargs))

    @property
    def tracker(self):
        return self

    def start(self):
        self.calls.append(("started",))

    def store_init_configuration(self, values):
        self.calls.append(("settings", values))

    def log(self, values, step=None, **kwargs):
        self.calls.append(("log", values, step))

    def finish(self):
        self.calls.append(("finished",))


@pytest.fixture(autouse=True)
def fresh_accelerate():
    """The state of accelerate as in a new process."""
    PartialState._reset_state()
    yield
    PartialState._reset_state()


@pytest.fixture
def calls():
    Recorder.calls.clear()
    register_tracker_class(Recorder)
    yield Recorder.calls
    del LOGGER_TYPE_TO_CLASS["recorder"]


def logged(calls: list[tuple]) -> dict[tuple[str, int], float]:
    """(name, step) -> number."""
    return {(name, call[2]): value for call in calls if call[0] == "log" for name, value in call[1].items()}


def in_file(out: Path, before: int) -> dict[tuple[str, int], float]:
    """The same of metrics.jsonl, where the steps of the reward stage count from `before` on."""
    return {
        (f"{row['stage']}/{name}", row["step"] + before * (row["stage"] == "reward")): value
        for row in RunFolder(out).metrics
        for name, value in row.items()
        if isinstance(value, float)
    }


def test_a_run_gives_its_tracker_the_numbers_of_its_log(tmp_path, tiny_flags, calls):
    steps = ["--xe.steps", "2", "--rl.steps", "1", "--reward", "repetition", "--watch", "off"]
    words = ["train", *tiny_flags, *steps, "--out", str(tmp_path / "run"), "--track", "recorder"]
    assert main(words) == 0
    assert [call[0] for call in calls if call[0] != "log"] == ["opened", "started", "settings", "finished"]
    assert calls[0][1] == "captioner" and calls[2][1]["xe.steps"] == 2
    assert logged(calls) == in_file(tmp_path / "run", before=2)
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert "recorder" not in json.dumps(content)  # no setting, and not signed


def test_trackers_are_closed_after_an_error_and_nothing_is_tracked_outside(tmp_path, calls):
    with pytest.raises(ZeroDivisionError), tracking(["recorder", "recorder"], tmp_path, {"a": (1,), "b": 2}):
        raise ZeroDivisionError
    assert calls[2:] == [("settings", {"a": "(1,)", "b": 2}), ("finished",)]
    with Log(tmp_path / "m.jsonl", tmp_path / "board") as log:
        log.step(1, {"loss": 1.0})
    assert len(calls) == 4


def test_a_tracker_of_accelerate_writes_what_it_is_given(tmp_path):
    with tracking(["tensorboard"], tmp_path / "run", {"steps": 3}), Log(tmp_path / "m.jsonl", tmp_path / "own") as log:
        log.step(3, {"loss": 0.5}, "xe")
    (event,) = EventAccumulator(str(tmp_path / "run" / "captioner")).Reload().Scalars("xe/loss")
    assert (event.step, event.value) == (3, 0.5)


@pytest.mark.parametrize(
    ("name", "said"),
    [("swanlab", "--track swanlab: its package is not installed; pip install swanlab"), ("x", "got 'x'")],
)
def test_a_tracker_that_is_not_there_is_one_line_before_the_work(name, said, tmp_path, tiny_flags, refused):
    assert said in refused("train", *tiny_flags, "--out", tmp_path / "run", "--track", name)
    assert not (tmp_path / "run").exists()
