"""The share of a long job that this process does: `--shard I/N`, or the rank that torchrun and accelerate set.

The share I/N is every N-th item from the I-th, counted from 1. Processes that work on shares exchange no message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

FLAG = "share of this process, 1/N to N/N (that of torchrun or accelerate launch, else 1/1)"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """The `index`-th of `count` shares, counted from 1."""

    index: int = 1
    count: int = 1
    launched: bool = field(default=False, compare=False)
    """by torchrun or accelerate launch, whose processes share one screen"""

    @property
    def speaks(self) -> bool:
        """Whether this process tells its progress: of the processes that share a screen the first one."""
        return self.index == 1 or not self.launched

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items of this share."""
        return islice(items, self.index - 1, None, self.count)


WHOLE = Share()


def share_of(typed: str, environment: Mapping[str, str]) -> Share:
    """The share that was typed, else the share of the launcher's rank, else the whole job. ValueError for a wrong I/N.

    >>> list(share_of("2/3", {}).of(range(7)))
    [1, 4]
    """
    if not typed:
        return Share(int(environment.get("RANK", 0)) + 1, int(environment.get("WORLD_SIZE", 1)), launched=True)
    index, _, count = typed.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise ValueError(f"--shard is I/N with I from 1 to N, such as 1/4, got {typed!r}")
    return Share(int(index), int(count))


def own_gpu(device: str, environment: Mapping[str, str]) -> str:
    """The device of this process. Under a launcher, `auto` and `cuda` select a GPU of its own, if there are any."""
    from torch import cuda

    local = environment.get("LOCAL_RANK")
    if not (device in ("auto", "cuda") and local and cuda.is_available()):
        return device
    cuda.set_device(int(local) % cuda.device_count())
    return "cuda"
