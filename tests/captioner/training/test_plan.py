"""The plan of a training: its figures are those of the run, and a run that does not fit is not begun."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from captioner.cli import main
from captioner.config import Model, Run, override
from captioner.features.store import FeatureStore
from captioner.runs.folder import RunFolder
from captioner.training import metric_plan
from captioner.training.needs import Need, refuse_what_does_not_fit, told
from captioner.training.opening import opened
from captioner.training.plan import activations, features, lasting, steps
from metric.clip.load import load_clip
from metric.runtime import device, memory
from metric.training.config import MetricConfig

pytestmark = pytest.mark.usefixtures("few_scenes")

SIZES = Model(d=16, heads=2, encoder_layers=1, decoder_layers=1, feedforward=32, vocabulary=560)


@pytest.fixture
def tiny(tiny_clip) -> Run:
    return Run(data="scenes:count=40", clip=tiny_clip, val_count=6, device="cpu", model=SIZES, keep=1)


def test_features_are_those_that_are_computed(tiny, tmp_path):
    start = opened(tiny)
    stored = FeatureStore.build([*start.train, *start.val], start.clip, None)
    assert features(start).host == sum(array.nbytes for array in stored.shelf.features.values())
    on_disk = opened(override(tiny, {"features": str(tmp_path)}))
    assert features(on_disk).disk == features(start).host and not features(on_disk).host
    FeatureStore.build(start.train, start.clip, tmp_path)
    assert features(on_disk).disk == features(start).host * 6 / 46


def test_checkpoints_are_as_large_as_told(tiny_flags, tmp_path):
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--keep", "1", "--out", str(tmp_path / "run")]) == 0
    files = [*(tmp_path / "run" / "checkpoints" / "last").glob("*.safetensors")]
    held = sum(tensor.nbytes for file in files for tensor in load_file(file).values())
    needs = lasting(opened(RunFolder(tmp_path / "run").run))
    [told] = [need.disk for need in needs if need.what == "checkpoints"]
    assert told == pytest.approx(2 * held, rel=0.05)  # buffers and counts of steps are not told


def test_activations_grow_with_the_pictures_and_the_candidates(tiny):
    few = activations(opened(override(tiny, {"xe.batch_size": 4}))).memory
    assert activations(opened(override(tiny, {"xe.batch_size": 8}))).memory == 2 * few
    assert activations(opened(override(tiny, {"xe.batch_size": 8, "accumulate": 2}))).memory == few
    rewarded = override(tiny, {"xe.batch_size": 4, "rl.batch_size": 4, "rl.samples": 6, "rewards": ("cider",)})
    assert 3 * few < activations(opened(rewarded)).memory < 6 * few  # the encoder's are shared by the candidates


def test_a_step_has_no_more_pictures_than_there_are(tiny):
    whole, more = (opened(override(tiny, {"xe.batch_size": size, "xe.steps": 10})) for size in (40, 50))
    assert steps(more, "xe") == steps(whole, "xe")
    assert "10 steps of 40 pictures, each of the 40 pictures 10.0" in steps(more, "xe")
    assert activations(more).memory == activations(whole).memory


def test_plan_says_memory_disk_and_steps_and_begins_nothing(tiny_flags, tmp_path, capsys):
    flags = [*tiny_flags, "--xe.steps", "20", "--reward", "cider", "--rl.steps", "3"]
    assert main(["train", *flags, "--out", str(tmp_path / "run"), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "memory: " in said and "disk: " in said and "features of 46 pictures, 4 x 16 each" in said
    assert "xe: 20 steps of 4 pictures, each of the 40 pictures 2.0 times; 1 evaluations on 6 pictures" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [[], ["--plan"]])
def test_too_little_memory_is_told_before_the_run(tiny_flags, refused, tmp_path, monkeypatch, more):
    monkeypatch.setattr(memory, "free", lambda: 1000)
    said = refused("train", *tiny_flags, *more, "--out", tmp_path / "run")
    assert "of memory more, and 0.0 MB are free; type --features DIR" in said
    assert not (tmp_path / "run").exists()


def test_too_little_disk_is_told_before_the_run(tiny_flags, refused, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("metric.storage.disk.shutil.disk_usage", lambda place: usage(1000))
    assert f"0.0 MB are free at {tmp_path / 'run'}; make room" in refused(
        "train", *tiny_flags, "--out", tmp_path / "run"
    )
    assert not Path(tmp_path / "run").exists()


def test_a_begun_run_has_no_plan(refused, tmp_path):
    assert "--plan is for a run that is not begun" in refused("train", "--plan", "--resume", "--out", tmp_path)


METRIC = ["--data", "scenes:count=40", "--batch-size", "8", "--steps", "20"]


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_the_plan_of_a_metric_says_memory_disk_and_steps_and_begins_nothing(command, tiny_clip, tmp_path, capsys):
    given = ["--clip", tiny_clip] if command == "train" else ["--init", tiny_clip]
    assert main(["metric", command, *METRIC, *given, "--out", str(tmp_path / "run"), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "activations of a step" in said and "checkpoints and the trained weights" in said
    assert "20 steps of 8 pictures, each of the 40 pictures 4.0 times" in said
    assert not (tmp_path / "run").exists()


def test_checkpoints_of_a_metric_are_as_large_as_told(tiny_clip, tmp_path):
    words = [*METRIC, "--clip", tiny_clip, "--steps", "1", "--keep", "1", "--val-every", "0", "--save-every", "1"]
    assert main(["metric", "train", *words, "--device", "cpu", "--out", str(tmp_path / "run")]) == 0
    size = sum(file.stat().st_size for file in (tmp_path / "run").rglob("*.safetensors"))
    _, model = metric_plan.opened(MetricConfig(clip=tiny_clip), [], torch.device("cpu"), None)
    trained = 4 * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert size == pytest.approx(4 * trained, rel=0.3)  # headers are large beside these few weights


def test_activations_of_a_metric_are_those_of_a_chunk(tiny_clip, scenes):
    clip = load_clip(tiny_clip)
    clip.model.requires_grad_(True)
    whole = metric_plan.activations(clip, MetricConfig(batch_size=8, lambda_v=0, lambda_t=0), scenes)
    assert metric_plan.activations(clip, MetricConfig(batch_size=8), scenes) == 2 * whole
    assert 0 < metric_plan.activations(clip, MetricConfig(batch_size=8, chunk=1), scenes) < whole / 8
    hard = MetricConfig(batch_size=8, lambda_v=0, lambda_t=0, negatives=2)
    assert whole < metric_plan.activations(clip, hard, scenes) < 3 * whole


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_a_metric_that_does_not_fit_is_told(command, tiny_clip, refused, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 1000)
    given = ["--clip", tiny_clip] if command == "train" else ["--init", tiny_clip]
    said = refused("metric", command, *METRIC, *given, "--out", tmp_path / "run", "--plan")
    assert "of memory more, and 0.0 MB are free; type --chunk N" in said


def test_the_memory_of_a_gpu_is_asked_where_the_run_computes_there(monkeypatch, tmp_path):
    monkeypatch.setitem(device.FREE, "xpu", lambda place: 1000)
    needs, gpu = [Need("features", host=50), Need("moments", memory=2000)], torch.device("xpu", 0)
    with pytest.raises(
        ValueError, match="the run needs 0.0 MB of memory more on xpu:0, and 0.0 MB are free; type less"
    ):
        refuse_what_does_not_fit(needs, tmp_path, gpu, "less")
    refuse_what_does_not_fit(needs[:1], tmp_path, gpu, "less")
    lines = [*told(needs, tmp_path, gpu, "program")]
    assert any(line.startswith("memory of xpu:0: 0.0 MB beside the models, and 0.0 MB are free") for line in lines)
    assert device.free_memory(torch.device("cpu")) is None
