"""A device that is not there is refused by every command that takes one, before anything else is looked at."""

from __future__ import annotations

import pytest

from metric.runtime import device

COMMANDS = [
    "train --out x",
    "caption --model x --images x --out x.jsonl",
    "score --captions x --scores cider",
    "evaluate x",
    "features x --out y",
    "serve --reward cider",
    "app --model x",
    "metric train --out x",
    "metric pretrain --out x",
    "metric positives --out x",
    "metric harden --metric x --runs x --out y",
    "metric judge --check --root x",
    "metric audit --out x",
    "metric video --captions x --videos x",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["mps", "cuda:7"])
def test_a_device_that_is_not_there_is_refused_first(command, name, refused, monkeypatch, tmp_path):
    monkeypatch.setattr(device, "SEEN", {kind: lambda: 0 for kind in device.SEEN})
    monkeypatch.chdir(tmp_path)
    assert refused(*command.split(), "--device", name).startswith(f"captioner: --device {name}, but ")
    assert not [*tmp_path.iterdir()]
