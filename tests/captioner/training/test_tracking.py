"""Trackers get the numbers of metrics.jsonl. A tracker of our own stands in for those that need an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from accelerate import PartialState
from accelerate import tracking as theirs
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
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
    if not hasattr(theirs, "register_tracker_class"):
        pytest.skip("accelerate before 1.15 has its own trackers only")
    Recorder.calls.clear()
    theirs.register_tracker_class(Recorder)
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


def test_a_tracker_that_cannot_begin_is_one_line_before_the_work(tmp_path, tiny_flags, refused, calls, monkeypatch):
    def no_server(self):
        raise ConnectionError("no server\nat 127.0.0.1")

    monkeypatch.setattr(Recorder, "start", no_server)
    said = refused("train", *tiny_flags, "--out", tmp_path / "run", "--track", "recorder")
    assert "--track recorder cannot begin: no server" in said and not (tmp_path / "run").exists()


def test_a_tracker_that_fails_is_told_once_and_the_run_goes_on(tmp_path, tiny_flags, calls, monkeypatch, capfd):
    def gone(self, values, step=None):
        self.calls.append(("asked", step))
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(Recorder, "log", gone)
    words = ["train", *tiny_flags, "--xe.steps", "2", "--out", str(tmp_path / "run"), "--track", "recorder"]
    assert main(words) == 0
    told = "captioner: caution: --track recorder has failed (the server is gone), and gets no more numbers"
    assert capfd.readouterr().err.count(told) == 1 and [call[0] for call in calls].count("asked") == 1
    assert [row["step"] for row in RunFolder(tmp_path / "run").metrics][-1] == 2


def two_stages(place: Path) -> dict[tuple[str, int], float]:
    """Tracks a number of two stages with the tracker, and returns what it should hold: (name, step) -> number."""
    with Log(place / "m.jsonl", place / "own") as log:
        log.step(2, {"loss": 0.5, "val/cider": 1.25}, "xe")
        log.step(1, {"loss": -0.25}, "reward")
    return {("xe/loss", 2): 0.5, ("xe/val/cider", 2): 1.25, ("reward/loss", 3): -0.25}


@pytest.mark.filterwarnings("ignore")  # those of mlflow and sqlalchemy
def test_mlflow_holds_the_numbers_and_settings_of_a_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="no mlflow")
    place = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    with tracking(["mlflow"], tmp_path / "my-run", {"xe.steps": 2}, {"reward": 2}):
        expected = two_stages(tmp_path)
    client = mlflow.MlflowClient(place)
    (run,) = client.search_runs([client.get_experiment_by_name("captioner").experiment_id])
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    assert {(key, row.step): row.value for key, rows in histories.items() for row in rows} == expected
    assert (run.info.run_name, run.info.status, run.data.params) == ("my-run", "FINISHED", {"xe.steps": "2"})


def records(file: Path) -> Iterator[bytes]:
    """The records of an offline run of wandb, a log as of LevelDB: after seven bytes, blocks of 32 KiB with parts."""
    data, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (1 << 15) - at % (1 << 15) < 7:  # no place for a head: the rest of the block is empty
            at += (1 << 15) - at % (1 << 15)
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a record in one part, or its last part
            yield whole
            whole = b""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_wandb_holds_the_numbers_and_settings_of_a_run_offline(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="no wandb")
    for name, value in {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    with tracking(["wandb"], tmp_path / "my-run", {"xe.steps": 2}, {"reward": 2}):
        expected = two_stages(tmp_path)
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    read = [wandb.Record.FromString(data) for data in records(file)]
    found = {
        ("".join(item.nested_key) or item.key, record.history.step.num): json.loads(item.value_json)
        for record in read
        for item in record.history.item
    }
    assert {key: value for key, value in found.items() if not key[0].startswith("_")} == expected
    assert {record.run.display_name for record in read} - {""} == {"my-run"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("swanlab", "--track swanlab: its package is not installed; pip install swanlab"), ("x", "got 'x'")],
)
def test_a_tracker_that_is_not_there_is_one_line_before_the_work(name, said, tmp_path, tiny_flags, refused):
    assert said in refused("train", *tiny_flags, "--out", tmp_path / "run", "--track", name)
    assert not (tmp_path / "run").exists()
