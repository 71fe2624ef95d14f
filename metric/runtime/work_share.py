"""Which share of a long work this process does: `--shard I/N`, or what torchrun and accelerate launch say.

Shares need no word to each other: every N-th item from the I-th, counted from 1 on the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

FLAG = "the I-th of N shares, 1/N to N/N (as torchrun and accelerate launch number their processes, else 1/1)"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """The `index`-th of `count`, from 1."""

    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """Every count-th."""
        return islice(items, self.index - 1, None, self.count)


WHOLE = Share()


def share_of(typed: str, environment: Mapping[str, str]) -> Share:
    """As typed, else the launcher's, else all of it.

    >>> list(share_of("2/3", {}).of(range(7)))
    [1, 4]
    """
    if not typed:
        return Share(int(environment.get("RANK", 0)) + 1, int(environment.get("WORLD_SIZE", 1)))
    index, _, count = typed.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise ValueError(f"--shard is I/N with I from 1 to N, such as 1/4, got {typed!r}")
    return Share(int(index), int(count))


def own_gpu(device: str, environment: Mapping[str, str]) -> str:
    """`auto` and `cuda` are each process's own GPU under a launcher, where there are any: made the current one."""
    from torch import cuda

    local = environment.get("LOCAL_RANK")
    if not (device in ("auto", "cuda") and local and cuda.is_available()):
        return device
    cuda.set_device(int(local) % cuda.device_count())
    return "cuda"
