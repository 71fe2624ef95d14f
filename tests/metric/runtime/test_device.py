"""The device that a name stands for. The machine of a test is pretended by counting other devices."""

import os

import pytest
import torch

from captioner.cli import main
from captioner.commands import doctor
from metric.runtime import device as devices
from metric.runtime.device import absent, chosen, device_of, fetched, sent, widest
from metric.runtime.precision import allow_tf32, computed_on, has_half, refuse_precision, unsuited


@pytest.fixture
def sees(monkeypatch):
    """Makes torch see so many devices of each kind, and no others."""

    def see(**counts: int) -> None:
        seen = {kind: lambda kind=kind: counts.get(kind, 0) for kind in devices.SEEN}
        monkeypatch.setattr(devices, "SEEN", seen)

    return see


@pytest.mark.parametrize(
    "counts, device",
    [({}, "cpu"), ({"mps": 1}, "mps"), ({"xpu": 2}, "xpu"), ({"cuda": 1, "xpu": 1, "mps": 1}, "cuda")],
)
def test_auto_takes_what_is_there_and_says_why(sees, counts, device):
    sees(**counts)
    choice = chosen("auto")
    assert choice.device == torch.device(device)
    words = [f"torch sees {counts[device]} {device}"] if counts else [absent(kind) for kind in ("cuda", "xpu", "mps")]
    assert all(word in choice.why for word in words)


@pytest.mark.parametrize(
    "name, counts, words",
    [
        ("mps", {}, "--device mps, but .*MPS.*; type --device cpu or auto"),
        ("xpu", {}, "--device xpu, but torch sees no xpu device"),
        ("cuda:7", {}, "--device cuda:7, but .*CUDA"),
        ("cuda:7", {"cuda": 2}, "--device cuda:7, but torch sees 2 cuda devices, counted from 0; type --device cuda"),
        ("cpu:1", {}, "--device cpu:1, but torch sees 1 cpu device, counted from 0; type --device cpu"),
        ("meta", {}, "--device is auto, cpu, cuda, cuda:N, mps or xpu, got 'meta'"),
        ("toaster", {}, "--device is auto, cpu, cuda, cuda:N, mps or xpu, got 'toaster'"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_one_line(sees, name, counts, words):
    sees(**counts)
    with pytest.raises(ValueError, match=words) as error:
        device_of(name)
    assert "\n" not in str(error.value)


def test_what_is_there_can_be_typed(sees):
    sees(cuda=8, mps=1)
    assert [device_of(name) for name in ("cpu", "cuda:7", "mps")] == [*map(torch.device, ("cpu", "cuda:7", "mps"))]


def test_several_processes_work_on_cuda_or_cpu(sees, monkeypatch):
    sees(mps=1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert device_of("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="auto is mps here; type --device cpu, or start one"):
        device_of("auto")


def test_only_the_cpu_computes_in_float64():
    assert widest(torch.device("cpu")) == torch.float64
    assert {widest(torch.device(kind)) for kind in ("cuda", "mps", "xpu")} == {torch.float32}


def test_numbers_are_fetched_in_their_order():
    assert fetched([1.5, torch.tensor(2.5), 3, torch.tensor(0.25, dtype=torch.bfloat16)]) == [1.5, 2.5, 3, 0.25]
    assert fetched([]) == [] and fetched([2.0]) == [2.0]


def test_nothing_is_sent_to_the_cpu():
    tensor = torch.ones(2)
    assert sent(tensor, torch.device("cpu")) is tensor


def test_half_precision_is_refused_where_a_device_has_no_autocast(monkeypatch):
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda kind: kind != "mps")
    refuse_precision("bf16", torch.device("cpu"))
    refuse_precision("fp32", torch.device("mps"))
    with pytest.raises(
        ValueError, match="--precision bf16, but torch .* has no autocast on mps; type --precision fp32"
    ):
        refuse_precision("bf16", torch.device("mps"))


def test_the_facts_of_a_run_tell_whether_tf32_was_used(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert (computed_on(cpu, "bf16"), computed_on(cpu, "tf32")) == ("cpu, bf16", "cpu, fp32 without TF32")
    assert unsuited(cpu, "tf32") == ["--precision tf32 does nothing: cpu has no TF32, and products are of fp32"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert computed_on(cuda, "tf32") == "cuda, fp32 with TF32" and not unsuited(cuda, "tf32")


@pytest.mark.parametrize(
    "units, told",
    [
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_fp16": False, "amx_fp16": False}, ["bf16", "fp16"]),
        ({"avx512_bf16": True, "amx_bf16": False, "avx512_fp16": False, "amx_fp16": False}, ["fp16"]),
        ({"avx512_bf16": False, "amx_bf16": True, "avx512_fp16": False, "amx_fp16": True}, []),
        ({"neon": True}, []),  # another kind of CPU, of which this is not known
    ],
)
def test_a_half_precision_that_the_cpu_has_not_is_told(units, told, monkeypatch):
    """Such products are of fp32 after a conversion: five times slower in bf16, eighty times in fp16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    lines = [line for name in ("fp32", "bf16", "fp16") for line in unsuited(torch.device("cpu"), name)]
    assert lines == [
        f"{name} is slower than fp32 here: this CPU has no {name} of its own; type --precision fp32" for name in told
    ]
    assert not unsuited(torch.device("cuda"), "bf16")


def test_a_torch_that_cannot_tell_is_silent(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not unsuited(torch.device("cpu"), "bf16") and has_half("bf16") is None


def test_doctor_names_no_half_precision_of_an_unknown_cpu(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True}, raising=False)
    monkeypatch.setattr(devices, "chosen", lambda name: devices.Chosen(torch.device("cpu"), ""))
    assert doctor.half_precision().startswith("unknown")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True, "amx_fp16": False}, raising=False)
    assert doctor.half_precision() == "bf16"


def test_convolutions_and_products_have_tf32_together():
    try:
        allow_tf32("tf32")
        assert torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "high"
    finally:
        allow_tf32("fp32")
    assert not torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"


def test_an_operator_that_a_device_lacks_runs_on_the_cpu_unless_the_user_forbids_it(monkeypatch, capsys):
    monkeypatch.delenv("PYTORCH_ENABLE_MPS_FALLBACK", raising=False)
    monkeypatch.setenv("PYTORCH_ENABLE_XPU_FALLBACK", "0")
    assert main(["rewards"]) == 0 and capsys.readouterr().out
    assert (os.environ["PYTORCH_ENABLE_MPS_FALLBACK"], os.environ["PYTORCH_ENABLE_XPU_FALLBACK"]) == ("1", "0")
