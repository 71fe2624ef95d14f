"""What only an NVIDIA GPU has: TF32, compiled steps, NCCL, and real kernels at the sizes of the demo.

One process asks NCCL. Two GPUs were never tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from captioner.cli import main
from captioner.data import load
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.runtime.gradients import Applied, Gathered
from metric.runtime.precision import allow_tf32, computed_on
from tests.pretend.on_captioner import losses, same_after_a_kill, trained, weights
from tests.pretend.plugin import HERE

DEMO = "--preset small --data scenes:count=200 --val-count 8 --checker none --log-every 1 --watch off".split()
BOTH = "--xe.steps 6 --rl.steps 4 --rl.batch-size 8 --reward clips --reward cider --save-every 1 --keep 99".split()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of both stages with the model of the demo, with a checkpoint of each step."""
    out = tmp_path_factory.mktemp("demo") / "whole"
    trained(out, DEMO, *BOTH)
    return out


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> Path:
    """A run that has learned some words."""
    out = tmp_path_factory.mktemp("demo") / "learned"
    trained(out, DEMO, "--xe.steps", "200")
    return out


def test_two_runs_are_one_to_the_bit(whole, tmp_path):
    again = trained(tmp_path / "again", DEMO, *BOTH)
    assert all(torch.equal(again[name], values) for name, values in weights(whole).items())


@pytest.mark.parametrize("at", ["xe-000003", "reward-000002"])
def test_a_resumed_run_of_the_demo_is_the_unbroken_one(at, whole, tmp_path):
    assert same_after_a_kill(whole, at, tmp_path / "run")


def test_cross_entropy_of_the_demo_is_near_that_of_the_cpu(whole, tmp_path):
    trained(tmp_path / "cpu", DEMO, "--xe.steps", "6", "--model.dropout", "0", "--device", "cpu")
    trained(tmp_path / "gpu", DEMO, "--xe.steps", "6", "--model.dropout", "0")
    assert losses(tmp_path / "gpu") == pytest.approx(losses(tmp_path / "cpu"), rel=1e-3)


@pytest.mark.parametrize("precision, near", [("tf32", 1e-2), ("bf16", 5e-2), ("fp16", 1e-2)])
def test_lower_precisions_are_near_fp32_and_are_told(precision, near, tmp_path):
    for each in ("fp32", precision):
        trained(tmp_path / each, DEMO, "--xe.steps", "4", "--precision", each)
    assert losses(tmp_path / precision) == pytest.approx(losses(tmp_path / "fp32"), rel=near)
    assert losses(tmp_path / precision) != losses(tmp_path / "fp32"), "the precision does nothing"
    told = json.loads((tmp_path / precision / "config.json").read_text())["computed_on"]
    assert told == computed_on(torch.device(HERE), precision)


def test_tf32_is_off_unless_it_is_asked_for():
    torch.manual_seed(0)
    a, b = torch.randn(2, 512, 512, device=HERE)
    exact = a.double() @ b.double()
    errors = {}
    for precision in ("tf32", "fp32"):
        allow_tf32(precision)
        errors[precision] = float((a @ b - exact).norm() / exact.norm())
    assert errors["fp32"] < 1e-6 < 1e-4 < errors["tf32"] < 1e-3


def test_embeddings_of_scenes_are_those_of_the_cpu():
    examples = load("scenes:count=64", "train")
    texts = [text for example in examples for text in example.references]
    here, there = (Embedder(load_clip("scenes-clip", kind)) for kind in (HERE, "cpu"))
    images = [example.image for example in examples]
    torch.testing.assert_close(here.images(images).cpu(), there.images(images).cpu(), rtol=0, atol=1e-5)
    torch.testing.assert_close(here.texts(texts).cpu(), there.texts(texts).cpu(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("how", ["--method greedy", "--beams 3"])
def test_compiled_steps_say_what_others_say(how, learned, tmp_path):
    said = []
    for name, more in (("plain", []), ("compiled", ["--compile"])):
        out = tmp_path / f"{name}.jsonl"
        given = ["--model", str(learned), "--images", "scenes:count=24", "--split", "train", "--out", str(out)]
        assert main(["caption", *given, *how.split(), *more, "--checker", "none"]) == 0
        said.append([json.loads(line)["caption"] for line in out.read_text().splitlines()])
    assert said[0] == said[1] and len(said[0]) == 24 and any(said[0])


def test_a_plan_tells_the_memory_of_the_gpu(whole, tmp_path, capsys):
    given = ["--model", str(whole), "--images", "scenes:count=24", "--split", "train"]
    assert main(["caption", *given, "--out", str(tmp_path / "c.jsonl"), "--plan"]) == 0
    assert "memory of the GPU: " in capsys.readouterr().out


def test_a_gpu_that_is_not_there_and_too_many_processes_are_one_line(refused, monkeypatch):
    count = torch.cuda.device_count()
    assert f"torch sees {count} cuda device" in refused("train", *DEMO, "--device", f"cuda:{count}", "--out", "x")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(count + 1))
    assert f"start {count} on it, or type --device cpu" in refused("train", *DEMO, "--device", "cuda", "--out", "x")


@pytest.fixture
def group(monkeypatch) -> Iterator[None]:
    """A group of one process, with the backends of `metric.runtime.processes`."""
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    distributed.init_process_group("cpu:gloo,cuda:nccl", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_gradients_and_objects_travel_by_nccl_and_gloo(group):
    """Of one process. The gradient is the one without a group, and rows that are gathered keep theirs."""
    torch.manual_seed(0)
    layer, x = nn.Linear(4, 3).to(HERE), torch.randn(5, 4, device=HERE)
    alone = torch.autograd.grad(layer(x).square().mean(), layer.weight)[0]
    shared = DistributedDataParallel(Applied(layer), gradient_as_bucket_view=True)
    shared(lambda: Gathered.apply(layer(x)).square().mean()).backward()
    torch.testing.assert_close(layer.weight.grad, alone)
    said = [{"a": 1}]
    distributed.broadcast_object_list(said, 0)
    distributed.barrier()
    assert said == [{"a": 1}]


def test_batch_normalisation_over_processes_learns(group):
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(HERE).train()
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(plain)
    x = torch.randn(2, 3, 8, 8, device=HERE)
    torch.testing.assert_close(shared(x), plain(x))
    shared(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in shared.parameters())
