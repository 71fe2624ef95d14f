"""An input cut into blocks of neighbouring pictures, which are shared among processes.

A block is always captioned as one batch. Rounding depends on the size of a batch, and the cuts on the input only. One
process, several processes and a run after a kill therefore give equal captions. Each shard is cut separately.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from captioner.data import DATA, Part
from captioner.data.detect import recognise
from captioner.data.left_out import LeftOut
from captioner.data.twice import Ids, advice
from metric.example import Example
from metric.runtime.work_share import Share

PART = 1 << 40  # a number above the pictures of any part


@dataclass
class Block:
    """Neighbouring pictures of the input. `order` sorts blocks in the input's order, `places` sorts pictures."""

    order: int
    examples: list[Example] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def places(self) -> dict[str, int]:
        return {example.id: self.order + i for i, example in enumerate(self.examples)}


def blocks(parts: Sequence[Part], size: int, share: Share, images: str) -> Iterator[Block]:
    """The blocks of this process.

    With as many parts as processes or more, a process takes every count-th part, else every count-th block.
    """
    if len(parts) >= share.count:
        chosen = share.of(enumerate(parts))
        yield from once((block for number, part in chosen for block in cut(part, number, size)), images)
    else:
        every = once((block for number, part in enumerate(parts) for block in cut(part, number, size)), images)
        yield from share.of(every)


def cut(part: Part, number: int, size: int) -> Iterator[Block]:
    """The blocks of a part, of `size` pictures each; the last may have fewer."""
    block = Block(number * PART)
    for example in part():
        if isinstance(example, LeftOut):
            block.left_out.append(example)
            continue
        if len(block.examples) == size:
            yield block
            block = Block(block.order + size)
        block.examples.append(example)
    yield block


def once(source: Iterator[Block], images: str) -> Iterator[Block]:
    """The blocks unchanged. Raises ValueError for an id that comes twice, since one of two captions would be lost."""
    ids = Ids()
    for block in source:
        for example in block.examples:
            if again := ids.again(example):
                raise ValueError(f"{images} has {again}; {advice(recognise(images, DATA))}")
        yield block
