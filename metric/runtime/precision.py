"""Matrix products in half precision or TF32, for runs that ask for it.

A device without autocast computes in fp32 alone. There every context of this module but `mixed` in half precision does
nothing, and `refuse_precision` has refused that one before the work began.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from metric.runtime.console import tell

PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def allow_tf32(precision: str) -> None:
    """Set whether a GPU may use TF32 in matrix products and convolutions of fp32: with precision `tf32` only."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def has_tf32(device: torch.device) -> bool:
    """Whether a device has TF32: NVIDIA's GPUs from Ampere on."""
    return device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)


def computed_on(device: torch.device, precision: str) -> str:
    """`cuda, bf16`, or `cuda, fp32 with TF32`: what the facts of a run say of its numbers."""
    if precision != "tf32":
        return f"{device}, {precision}"
    return f"{device}, fp32 {'with' if has_tf32(device) else 'without'} TF32"


def unsuited(device: torch.device, precision: str) -> list[str]:
    """The warning about a precision that the device computes as fp32, or more slowly than fp32."""
    if precision == "tf32" and not has_tf32(device):
        return [f"--precision tf32 does nothing: {device} has no TF32, and products are of fp32"]
    if device.type == "cpu" and has_half(precision) is False:
        return [f"{precision} is slower than fp32 here: this CPU has no {precision} of its own; type --precision fp32"]
    return []


def has_half(precision: str) -> bool | None:
    """Whether the CPU multiplies in a half precision. None where PyTorch cannot tell, as on ARM."""
    units: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    found = [units[name] for unit in ("avx512", "amx") if (name := f"{unit}_{precision}") in units]
    return any(found) if found else None


@cache
def tell_unsuited(kind: str, precision: str) -> None:
    """Says `unsuited` of a kind of device, once in a process: many embedders share it."""
    tell(unsuited(torch.device(kind), precision))


def refuse_precision(precision: str, device: torch.device) -> None:
    """Raises ValueError for a precision that the device does not compute in."""
    if PRECISIONS[precision] != torch.float32 and not torch.amp.is_autocast_available(device.type):
        raise ValueError(
            f"--precision {precision}, but torch {torch.__version__} has no autocast on {device.type}; "
            "type --precision fp32"
        )


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Autocast to `dtype`. float32 switches off an autocast around it."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@contextmanager
def mixed(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Compute matrix products in `dtype` (autocast). float32 changes nothing."""
    with autocast(device, dtype), attention(device, dtype):
        yield


@contextmanager
def only(device: torch.device, precision: str) -> Iterator[None]:
    """Compute in `precision`, fp32, bf16 or fp16, whatever is set around. fp32 has no TF32, in convolutions neither."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        with autocast(device, PRECISIONS[precision]):
            yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def attention(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Plain attention in half precision on a CPU, where the backward pass of flash attention is very slow."""
    avoid_flash = device.type == "cpu" and dtype != torch.float32
    return sdpa_kernel(SDPBackend.MATH) if avoid_flash else nullcontext()


def skipped(scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer, updates: int) -> dict[str, float]:
    """In fp16, how many of `updates` were left out, since their gradient overflowed; {} in other precisions.

    The optimizer counts the updates that were made, also over a resumed run.
    """
    if not scaler.is_enabled():
        return {}
    made = next((float(state["step"]) for state in optimizer.state.values()), 0.0)
    return {"skipped": updates - made}
