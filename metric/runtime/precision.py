"""Matrix products in half precision, or TF32, where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def allow_tf32(precision: str) -> None:
    """TF32 for the matrix products of fp32, on a GPU that has it: asked for, or not at all."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


@contextmanager
def mixed(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Matrix products in `dtype`."""
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32), attention(device, dtype):
        yield


def attention(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Flash attention's half-precision backward on a CPU costs more than all the rest of a small model."""
    avoid_flash = device.type == "cpu" and dtype != torch.float32
    return sdpa_kernel(SDPBackend.MATH) if avoid_flash else nullcontext()
