"""`captioner watch` on runs that are finished, running, empty, of a metric, and on folders that are no run."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest
from rich.console import Console

from captioner.cli import main
from captioner.config import Run, Xe, as_json
from captioner.watching import frame as frames
from captioner.watching.frame import frame, show
from captioner.watching.state import state_of

ROWS = [
    {"stage": "xe", "step": 0, "cautions": ["few pictures"]},
    {"stage": "xe", "step": 2, "loss": 3.0, "lr": 0.1},
    {"stage": "xe", "step": 2, "val/cider": 0.25, "val/rep_1": 9.0, "captions": {"a": "ein [Hund]"}},
    {"stage": "reward", "step": 0, "val/cider": 0.5, "captions": {"a": "a dog"}},
    {"stage": "reward", "step": 1, "loss": None, "reward": 0.75},
    {"stage": "reward", "step": 3, "loss": 0.5, "reward": 1.25},
    {"stage": "reward", "step": 3, "val/cider": 0.625, "captions": {"a": "two dogs"}, "watch": ["rep_4 rose"]},
]


@pytest.fixture
def run(tmp_path):
    """Makes the folder of a run with `rows` in its log and `more` after them."""

    def made(rows: list[dict], more: str = "", config: dict | None = None) -> Path:
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        settings = as_json(Run(data="x", rewards=("cider",), xe=Xe(steps=2)))
        settings["rl"]["steps"] = 3
        (folder / "config.json").write_text(json.dumps(settings if config is None else config))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + more)
        return folder

    return made


def printed(folder: Path) -> str:
    out = io.StringIO()
    Console(file=out, width=120, highlight=False).print(frame(state_of(folder)))
    return out.getvalue()


def test_a_finished_run_shows_curves_and_captions_of_its_last_stage(run):
    folder = run(ROWS)
    state = state_of(folder)
    assert state.finished and state.place == "finished: reward step 3 of 3" and state.title.endswith("run: +CIDEr")
    assert state.curves == {
        "reward": [(1, 0.75), (3, 1.25)],
        "loss": [(3, 0.5)],
        "CIDEr, validation": [(0, 0.5), (3, 0.625)],
    }
    text = printed(folder)
    assert "reward  1.25" in text and "from 0.75 to 1.25" in text and "from 0.5 to 0.625" in text
    assert "caption at reward step 3" in text and "two dogs" in text and "rep_4 rose" in text
    assert any(0x2800 < ord(letter) <= 0x28FF for letter in text)


def test_a_running_run_is_read_up_to_the_last_whole_line(run):
    folder = run(ROWS[:3], more='{"stage": "xe", "step": 4, "lo')
    past = time.time() - 90
    os.utime(folder / "metrics.jsonl", (past, past))
    state = state_of(folder)
    assert not state.finished and state.place == "xe step 2 of 2, last written 1 min 30 s ago"
    assert "ein [Hund]" in printed(folder)  # brackets are no style of rich


def test_a_run_before_its_first_step_says_so(run):
    assert state_of(run([])).place == "no step is done yet"
    (run([]) / "metrics.jsonl").unlink()
    assert "no step is done yet" in printed(run([]).parent / "run")


def test_the_training_of_a_clip_is_watched_too(run):
    folder = run([{"step": 1, "loss": 2.0}, {"step": 9, "loss": 1.0, "val_loss": 1.5}], config={"steps": 20})
    state = state_of(folder)
    assert state.place.startswith("step 9 of 20, last written") and not state.finished
    assert state.curves == {"loss": [(1, 2.0), (9, 1.0)], "loss, validation": [(9, 1.5)]}
    (folder / "report.json").write_text("{}")
    assert state_of(folder).place == "finished: step 9 of 20"


def test_frames_follow_until_the_run_ends(run, monkeypatch, capsys):
    folder = run(ROWS[:5])
    monkeypatch.setattr(frames.sys.stdout, "isatty", lambda: True, raising=False)
    left = [ROWS[:6], ROWS]

    def wait(seconds: float) -> None:
        assert seconds == 0.5
        run(left.pop(0))

    assert show(folder, once=False, every=0.5, wait=wait).finished and not left
    assert "two dogs" in capsys.readouterr().out


def test_ctrl_c_ends_the_watch_without_an_error(run, monkeypatch):
    monkeypatch.setattr(frames.sys.stdout, "isatty", lambda: True, raising=False)

    def wait(seconds: float) -> None:
        raise KeyboardInterrupt

    assert not show(run(ROWS[:5]), once=False, every=2, wait=wait).finished


def test_the_command_prints_one_frame_into_a_pipe(run, capsys):
    folder = run(ROWS[:5])
    for words in (["--once"], []):
        assert main(["watch", str(folder), *words]) == 0
        assert "reward step 1 of 3, last written" in capsys.readouterr().out


def test_what_is_no_run_is_one_line(run, tmp_path, refused):
    assert "is not a run" in refused("watch", tmp_path)
    assert "is not a run" in refused("watch", tmp_path / "nowhere")
    assert "above 0, got 0" in refused("watch", run(ROWS), "--every", "0")
    broken = run(ROWS[:2], more="{broken\n")
    assert "metrics.jsonl line 3 is not JSON" in refused("watch", broken)
