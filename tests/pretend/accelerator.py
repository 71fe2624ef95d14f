"""A pretend accelerator: tensors that say they are on `pretend:0` and hold the memory of the CPU.

It is torch's PrivateUse1 device, written in Python. Every operator runs on the CPU. Three things are as on a GPU: an
operator that mixes devices raises, float64 is refused as a Mac's GPU refuses it, and autocast casts. What a GPU would
have to do is counted (tests/pretend/counts.py). `install` changes torch for the whole process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import safetensors.torch
import torch
from torch.nn import functional
from torch.utils._device import _device_constructors
from torch.utils._pytree import tree_leaves, tree_map

from metric.runtime import device as devices
from tests.pretend.counts import TOTAL, Counts

DEVICE = torch.device("cpu")  # until `install`, which gives its device the name `pretend`
CPU_INDICES = {"aten::index.Tensor", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"}
MADE_THERE = "empty.memory_format empty_strided arange arange.start arange.start_step eye eye.m randperm linspace"
LOWER = "linear matmul mm mv bmm addmm addbmm baddbmm conv2d scaled_dot_product_attention"
FULL = "layer_norm softmax.int log_softmax.int cumsum exp log nll_loss cross_entropy_loss log_sigmoid sum.dim_IntList"


class Pretend(torch.Tensor):
    """A tensor on the pretend device. `raw` holds its numbers."""

    raw: torch.Tensor

    @staticmethod
    def __new__(cls, raw: torch.Tensor, requires_grad: bool = False) -> Pretend:
        if raw.dtype in (torch.float64, torch.complex128):
            raise TypeError(f"the pretend device has no {raw.dtype}, as the GPU of a Mac")
        shape = {"strides": raw.stride(), "storage_offset": raw.storage_offset(), "dtype": raw.dtype}
        made = torch.Tensor._make_wrapper_subclass(
            cls, raw.size(), device=DEVICE, requires_grad=requires_grad, layout=raw.layout, **shape
        )
        made.raw = raw
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Pretend({self.raw!r})"

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["raw"], None

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(op, args, kwargs or {})


def raw_of(value: Any) -> Any:
    return value.raw if isinstance(value, Pretend) else value


def run(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operator, computed on the CPU. Its result is on the device if its inputs are, or if it is made there."""
    if op.name() in ("aten::_to_copy", "aten::copy_"):
        return moved(op, args, kwargs)
    tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)]
    there = [value for value in tensors if isinstance(value, Pretend)]
    if there:
        refuse_mixed(op.name(), tensors if op.name() not in CPU_INDICES else tree_leaves((args[0], args[2:])))
        indices = sum(value.dim() > 0 for value in tensors) - sum(value.dim() > 0 for value in there)
        TOTAL.copies, TOTAL.held_up = TOTAL.copies + indices, TOTAL.held_up + indices
    there_by_name, changed = kwargs.get("device"), {"device": torch.device("cpu"), "pin_memory": False}
    on_device = bool(there) if there_by_name is None else is_here(there_by_name)
    options = {name: changed.get(name, value) for name, value in kwargs.items()}
    result = op(*tree_map(raw_of, args), **tree_map(raw_of, options))
    wrapped = written(op, args, kwargs, result)
    if wrapped is result and on_device:
        wrapped = tree_map(lambda value: Pretend(value) if isinstance(value, torch.Tensor) else value, result)
    if on_device or there:
        returned = [value for value in tree_leaves(wrapped) if isinstance(value, torch.Tensor)]
        TOTAL.operator(op.name(), is_view(op), there, returned)
    return wrapped


def moved(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """A copy: from device to device, or between the CPU and the device."""
    if op.name() == "aten::copy_":
        target, source, rest = args[0], args[1], (args[2:] or (kwargs.get("non_blocking", False),))
        count_copy(source, isinstance(target, Pretend), rest[0])
        raw_of(target).copy_(raw_of(source))
        return target
    device, source = kwargs.get("device"), args[0]
    there = isinstance(source, Pretend) if device is None else is_here(device)
    count_copy(source, there, kwargs.get("non_blocking", False))
    result = op(raw_of(source), **{name: value for name, value in kwargs.items() if name != "device"})
    return Pretend(result) if there else result


def count_copy(source: torch.Tensor, there: bool, non_blocking: bool) -> None:
    """Count a copy of `source` to the device, from it, or within it."""
    if not isinstance(source, Pretend):
        TOTAL.copies += there
        TOTAL.held_up += there and not (non_blocking and getattr(source, "pinned", False))
    elif there:
        TOTAL.launches += 1
        TOTAL.bytes += 2 * source.nbytes
    else:
        TOTAL.waits += 1


def is_here(device: Any) -> bool:
    return torch.device(device).type == DEVICE.type


def is_view(op: Any) -> bool:
    """Whether the results of an operator share the memory of its inputs, and nothing is written."""
    returns = op._schema.returns
    return bool(returns) and all(item.alias_info and not item.alias_info.is_write for item in returns)


def refuse_mixed(name: str, tensors: list[Any]) -> None:
    """Raises RuntimeError for a tensor on the CPU among those on the device. Numbers of no axis may be there."""
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and not isinstance(tensor, Pretend) and tensor.dim():
            raise RuntimeError(
                f"Expected all tensors to be on the same device: {name} got {tuple(tensor.shape)} on the CPU"
            )


def written(op: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
    """What an operator returns that writes into its inputs: those inputs. Else its own result."""
    if not op._schema.is_mutable:
        return result
    places = [
        (item, args[number] if number < len(args) else kwargs.get(item.name))
        for number, item in enumerate(op._schema.arguments)
    ]
    changed = [value for item, value in places if item.alias_info is not None and item.alias_info.is_write]
    if not op._schema.returns:
        return None
    return changed[0] if len(changed) == 1 else result


def cast(op: Any, dtype: Callable[[], torch.dtype], /, *args: Any, **kwargs: Any) -> Any:
    """An operator under autocast: its numbers on the device have the type `dtype()`."""
    wanted = dtype()

    def change(value: Any) -> Any:
        floating = isinstance(value, torch.Tensor) and value.device.type == DEVICE.type and value.is_floating_point()
        return value.to(wanted) if floating else value

    key = torch._C.DispatchKeySet(torch._C._dispatch_key_parse("AutocastPrivateUse1"))
    with torch._C._ExcludeDispatchKeyGuard(key):
        return op(*tree_map(change, args), **tree_map(change, kwargs))


def operator(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload or "default")


def install() -> list[torch.library.Library]:
    """Give this process the device `pretend`, which `--device auto` takes. The libraries are to be kept alive."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    global DEVICE
    _setup_privateuseone_for_python_backend("pretend")
    DEVICE = torch.device("pretend", 0)
    torch.__future__.set_swap_module_params_on_conversion(True)
    fallback, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    fallback.fallback(lambda op, *args, **kwargs: run(op, args, kwargs), "PrivateUse1")
    fallback.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    for name in MADE_THERE.split():
        aten.impl(name, partial(made, operator(name)), "PrivateUse1")
    for name in LOWER.split():
        aten.impl(
            name, partial(cast, operator(name), lambda: torch.get_autocast_dtype("pretend")), "AutocastPrivateUse1"
        )
    for name in FULL.split():
        aten.impl(name, partial(cast, operator(name), lambda: torch.float32), "AutocastPrivateUse1")
    module = torch.pretend  # type: ignore[attr-defined]
    module.get_amp_supported_dtype = lambda: [torch.float16, torch.bfloat16]
    module.is_available, module.device_count, module.current_device = (lambda: True), (lambda: 1), (lambda: 0)
    module.manual_seed_all, module._is_in_bad_fork = (lambda seed: None), (lambda: False)
    devices.SEEN = {"pretend": lambda: 1}
    change_readers()
    return [fallback, aten]


def made(op: Any, *args: Any, **kwargs: Any) -> Any:
    return run(op, args, kwargs)


def change_readers() -> None:
    """Change what reads the memory of a tensor from outside its operators: lists, pinning and safetensors."""
    tolist, pointer, size = torch.Tensor.tolist, safetensors.torch.storage_ptr, safetensors.torch.storage_size
    complete, write = safetensors.torch._is_complete, safetensors.torch.save_file
    torch.Tensor.tolist = lambda tensor: tolist(tensor.cpu() if isinstance(tensor, Pretend) else tensor)  # type: ignore
    unscale = torch.amp.GradScaler.unscale_
    torch.amp.GradScaler.unscale_ = lambda scaler, optimizer: in_float32(unscale, scaler, optimizer)  # type: ignore
    torch.Tensor.pin_memory = pin  # type: ignore[method-assign, assignment]
    functional.scaled_dot_product_attention = partial(one_kernel, functional.scaled_dot_product_attention)  # type: ignore
    _device_constructors()  # `with torch.device("meta")` keeps the functions that it finds at its first use
    torch.tensor = partial(tensor_of, torch.tensor)  # torch copies numbers to a device by code of that device
    safetensors.torch.storage_ptr = lambda tensor: pointer(raw_of(tensor))
    safetensors.torch.storage_size = lambda tensor: size(raw_of(tensor))
    safetensors.torch._is_complete = lambda tensor: complete(raw_of(tensor))
    safetensors.torch.save_file = lambda tensors, *rest, **named: write(
        {name: tensor.detach().cpu() for name, tensor in tensors.items()}, *rest, **named
    )
    for switch in (torch.backends.cuda.enable_flash_sdp, torch.backends.cuda.enable_mem_efficient_sdp):
        switch(False)
    torch.backends.cuda.enable_cudnn_sdp(False)


def in_float32(unscale: Callable[..., None], scaler: Any, optimizer: torch.optim.Optimizer) -> None:
    """GradScaler's `unscale`, which takes a reciprocal in float64 everywhere but on the device `mps:0`."""
    with mock.patch.object(torch.Tensor, "double", lambda tensor: tensor):
        unscale(scaler, optimizer)


def one_kernel(attention: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> torch.Tensor:
    """Attention, which GPUs have as one kernel, is counted as one. On the CPU it is many operators here."""
    before, inputs = Counts(*vars(TOTAL).values()), [value for value in args if isinstance(value, Pretend)]
    inputs += [value for value in kwargs.values() if isinstance(value, Pretend)]
    found = attention(*args, **kwargs)
    if inputs:
        vars(TOTAL).update(vars(before))
        TOTAL.operator("scaled_dot_product_attention", False, inputs, [found])
    return found


def tensor_of(there: Callable[..., torch.Tensor], data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
    """`torch.tensor`, which is `there`: numbers of Python, on the device by a copy that holds the host up."""
    if device is None or not is_here(device):
        return there(data, device=device, **options)
    return there(tree_map(lambda value: value.item() if isinstance(value, Pretend) else value, data), **options).to(
        device
    )


def pin(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that knows that it is pinned."""
    copy = tensor.clone()
    copy.pinned = True  # type: ignore[attr-defined]
    return copy
