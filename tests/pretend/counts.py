"""What a GPU would have to do, counted while the pretend accelerator works.

A launch is an operator that computes: no view, no allocation, no copy. A GPU runs at least one kernel for it. Bytes are
those of its inputs and results. A wait is a question whose answer the host needs: a number, a copy to the CPU, or a
tensor whose shape depends on numbers. A copy to the device holds the host up unless it is pinned and non-blocking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

from torch import Tensor

WAITING = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
    "aten::equal",
    "aten::repeat_interleave.Tensor",
}
BY_MASK = {"aten::index.Tensor", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"}
IDLE = {"aten::_unsafe_view", "aten::empty_like", "aten::new_empty", "aten::new_empty_strided", "aten::lift_fresh"}


@dataclass
class Counts:
    """Counts of a piece of work."""

    waits: int = 0
    copies: int = 0
    "to the device"
    held_up: int = 0
    "copies to the device for which the host waits"
    launches: int = 0
    bytes: int = 0

    def __sub__(self, before: Counts) -> Counts:
        return Counts(*(getattr(self, item.name) - getattr(before, item.name) for item in fields(self)))

    def operator(self, name: str, views: bool, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """One operator on the device, with its inputs and results there."""
        if views or name in IDLE or name.startswith("aten::empty"):
            return
        self.waits += waits(name, inputs)
        self.launches += 1
        self.bytes += sum(tensor.nbytes for tensor in (*inputs, *results))


def waits(name: str, inputs: Sequence[Tensor]) -> bool:
    """Whether the host waits for an operator. Indexing by a mask has a shape that depends on numbers.

    A mask that is overwritten by one number is none: torch fills it.
    """
    if name not in BY_MASK:
        return name in WAITING
    masked = any(str(tensor.dtype) in ("torch.bool", "torch.uint8") for tensor in inputs[1:])
    return masked and not (name != "aten::index.Tensor" and inputs[-1].numel() == 1)


TOTAL = Counts()
"All that was counted in this process."


@contextmanager
def counted() -> Iterator[Counts]:
    """Counts of the work inside, which are there when the work is done."""
    before, made = Counts(*vars(TOTAL).values()), Counts()
    yield made
    vars(made).update(vars(TOTAL - before))
