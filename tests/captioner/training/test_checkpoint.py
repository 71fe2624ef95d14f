"""A run's state on disk: whole or not at all, whenever it is killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from captioner.model.encoder_decoder import Captioner
from captioner.model.pretrained import model_folder
from captioner.training import checkpoint
from captioner.training.checkpoint import Position, position, restore_optimizer, save, trim
from metric.storage import atomic_files
from metric.storage.run_files import LAST

NEW, OLD = (Path("checkpoints") / name for name in (".new-last", ".old-last"))
SCALER = torch.amp.GradScaler("cpu", init_scale=8.0)


class Killed(BaseException):
    pass


@pytest.fixture
def saved(tmp_path, two_words):
    """A run folder saved at step 3 of cross-entropy, its captioner and its optimizer."""
    captioner = two_words()
    optimizer = torch.optim.AdamW(captioner.parameters())
    captioner(torch.ones(1, 3, 4), torch.tensor([[0, 3]])).sum().backward()
    optimizer.step()
    (tmp_path / "config.json").write_text('{"signature": "XE"}')
    save(tmp_path, captioner, optimizer, SCALER, Position("xe", 3))
    return tmp_path, captioner, optimizer


def killed_at(monkeypatch, source: Path) -> None:
    """The rename of `source` by `save` never happens."""

    def replace(old, new, rename=os.replace):
        if Path(old) == source:
            raise Killed
        rename(old, new)

    monkeypatch.setattr(atomic_files.os, "replace", replace)


def test_what_is_saved_is_read_again(saved):
    out, captioner, optimizer = saved
    assert position(out) == Position("xe", 3)
    again = Captioner.from_pretrained(out)
    for name, tensor in captioner.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    fresh = torch.optim.AdamW(again.parameters())
    scaler = torch.amp.GradScaler("cpu")
    restore_optimizer(out, fresh, scaler)
    assert scaler.get_scale() == 8.0
    assert torch.equal(fresh.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])


def test_a_checkpoint_replaces_the_one_before_and_leaves_nothing_beside(saved):
    out, captioner, optimizer = saved
    save(out, captioner, optimizer, SCALER, Position("reward", 5))
    assert position(out) == Position("reward", 5)
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["last"]


def test_the_signature_goes_where_the_model_goes(saved):
    out, *_ = saved
    assert json.loads((out / LAST / "run.json").read_text()) == {"signature": "XE"}


def test_kill_while_the_next_is_written_leaves_the_last(saved, monkeypatch):
    out, captioner, optimizer = saved
    monkeypatch.setattr(checkpoint, "save_optimizer", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        save(out, captioner, optimizer, SCALER, Position("xe", 6))
    monkeypatch.undo()
    assert position(out) == Position("xe", 3)
    save(out, captioner, optimizer, SCALER, Position("xe", 6))
    assert position(out) == Position("xe", 6)


def test_kill_between_the_renames_leaves_the_last(saved, monkeypatch):
    out, captioner, optimizer = saved
    killed_at(monkeypatch, out / NEW)
    with pytest.raises(Killed):
        save(out, captioner, optimizer, SCALER, Position("xe", 6))
    monkeypatch.undo()
    assert not (out / LAST).exists()
    assert model_folder(str(out)) == str(out / OLD)
    assert not (out / LAST).exists(), "a reader moves nothing: the run may be alive"
    assert position(out) == Position("xe", 3)
    assert model_folder(str(out)) == str(out / LAST)
    Captioner.from_pretrained(out / LAST)


def test_kill_while_the_first_is_written_leaves_none(tmp_path, two_words, monkeypatch):
    captioner = two_words()
    (tmp_path / "config.json").write_text("{}")
    killed_at(monkeypatch, tmp_path / NEW)
    with pytest.raises(Killed):
        save(tmp_path, captioner, torch.optim.AdamW(captioner.parameters()), SCALER, Position("xe", 3))
    assert position(tmp_path) is None
    with pytest.raises(
        ValueError, match="is a run without a checkpoint yet; captioner train --out .* --resume goes on"
    ):
        model_folder(str(tmp_path))


def test_a_model_and_a_hub_id_are_their_own_folder(tmp_path):
    assert model_folder(str(tmp_path)) == str(tmp_path)
    assert model_folder("someone/captioner") == "someone/captioner"


ROWS = [("xe", 2), ("xe", 4), ("reward", 0), ("reward", 2), ("reward", 2), ("reward", 4)]


def write_rows(path: Path) -> None:
    path.write_text("".join(json.dumps({"stage": stage, "step": step}) + "\n" for stage, step in ROWS))


def read_rows(path: Path) -> list[tuple[str, int]]:
    return [(row["stage"], row["step"]) for row in map(json.loads, path.read_text().splitlines())]


@pytest.mark.parametrize(
    ("reached", "kept"),
    [
        (Position("xe", 0), 0),
        (Position("xe", 3), 1),
        (Position("xe", 4), 2),
        (Position("reward", 3), 5),
        (Position("reward", 4), 6),
    ],
)
def test_log_keeps_what_the_checkpoint_has_seen(tmp_path, reached, kept):
    write_rows(tmp_path / "metrics.jsonl")
    trim(tmp_path / "metrics.jsonl", reached, ["xe", "reward"])
    assert read_rows(tmp_path / "metrics.jsonl") == ROWS[:kept]


def test_step_0_is_evaluated_again_when_there_is_no_checkpoint(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"stage": "reward", "step": 0}\n')
    trim(tmp_path / "metrics.jsonl", Position("reward", 0), ["reward"])
    assert read_rows(tmp_path / "metrics.jsonl") == []


def test_a_line_cut_within_a_letter_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_rows(path)
    path.write_bytes(path.read_bytes() + '{"stage": "reward", "step": 4, "captions": {"1": "é'.encode()[:-1])
    trim(path, Position("reward", 4), ["xe", "reward"])
    assert read_rows(path) == ROWS


def test_no_log_is_nothing_to_trim(tmp_path):
    trim(tmp_path / "metrics.jsonl", Position("xe", 3), ["xe"])
    assert not (tmp_path / "metrics.jsonl").exists()
