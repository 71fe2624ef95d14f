"""Tuned CLIPs drawn back towards their base, and the names that their training gives them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.clip.tuning import refuse_other_name
from metric.example import Example
from metric.positives.sources import ReferencePositives
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.training.config import MetricConfig
from metric.training.finetune import train_metric

EXAMPLES = [Example(str(n), sample("train", n), references(sample("train", n))) for n in range(6)]
CONFIG = MetricConfig(steps=3, batch_size=4, lr=5e-2, val_every=0, lambda_v=0.0)


def trained(clip: Clip, folder: Path, **changes) -> Path:
    """The run of a tuned CLIP, whose base lies beside it."""
    save_clip(clip, folder / "base")
    config = replace(CONFIG, clip=str(folder / "base"), **changes)
    train_metric(config, EXAMPLES, EXAMPLES, ReferencePositives(), folder / "run")
    return folder / "run"


@pytest.mark.parametrize("method", ["lora", "projections", "all"])
def test_scale_zero_is_the_base_and_one_the_tuned_clip(tiny_clip: Clip, tmp_path: Path, method: str) -> None:
    run = str(trained(tiny_clip, tmp_path, method=method))
    base, tuned = (load_clip(name).model.state_dict() for name in (str(tmp_path / "base"), run))
    none, half, whole = (load_clip(run, scale=scale).model.state_dict() for scale in (0.0, 0.5, 1.0))
    moved = [name for name in base if not torch.equal(base[name], tuned[name])]
    assert moved
    for name in base:
        assert torch.equal(none[name], base[name]) and torch.equal(whole[name], tuned[name]), name
        torch.testing.assert_close(half[name], (base[name] + tuned[name]) / 2)


@pytest.mark.parametrize("method", ["lora", "authors", "projections", "all"])
def test_a_base_that_changed_is_refused(tiny_clip: Clip, tmp_path: Path, method: str) -> None:
    run = str(trained(tiny_clip, tmp_path, method=method))
    with torch.no_grad():
        tiny_clip.model.text_projection += 1
    save_clip(tiny_clip, tmp_path / "base")
    with pytest.raises(ValueError, match="was trained on a CLIP with fingerprint"):
        load_clip(run, scale=0.5)


@pytest.mark.parametrize("method", ["lora", "all"])
def test_the_base_is_found_from_another_folder(
    tiny_clip: Clip, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path was typed from the folder in which the metric was trained."""
    monkeypatch.chdir(tmp_path)
    run = trained(tiny_clip, Path(), method=method).resolve()
    expected = load_clip(str(run), scale=0.5).fingerprint
    monkeypatch.chdir("/")
    assert load_clip(str(run), scale=0.5).fingerprint == expected


def test_scale_beyond_the_line_or_without_a_base_is_refused(tiny_clip: Clip, tmp_path: Path) -> None:
    save_clip(tiny_clip, tmp_path / "base")
    with pytest.raises(ValueError, match="scale is 0 .* to 1 .*, got 1.5"):
        load_clip(str(tmp_path / "base"), scale=1.5)
    with pytest.raises(ValueError, match="no run of metric train names that of"):
        load_clip(str(tmp_path / "base"), scale=0.5)


def test_a_clip_knows_the_negatives_of_its_run(tiny_clip: Clip, tmp_path: Path) -> None:
    run = trained(tiny_clip, tmp_path)
    assert load_clip(str(run)).negatives == load_clip(str(run / "adapter")).negatives == 0
    assert load_clip(str(tmp_path / "base")).negatives is None
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"negatives": 3}))
    assert load_clip(str(run)).negatives == 3 and load_clip(str(run)).fingerprint


def test_names_follow_the_training(tiny_clip: Clip) -> None:
    names = ("pac_spp", "pac_spp_hard")
    for negatives, hard in ((None, False), (0, False), (3, True)):
        clip = replace(tiny_clip, negatives=negatives)
        refuse_other_name(clip, hard, names)
        with pytest.raises(ValueError, match=f"type {names[hard]}, not {names[not hard]}"):
            refuse_other_name(clip, not hard, names)
