"""An input cut into blocks of neighbours, dealt to processes by a rule that only the input decides.

A block is captioned as one batch whoever captions it and whenever, so that rounding, which depends on the size of
a batch, is the same in one process, in several, and after a kill. Shards are cut each by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from captioner.data import Part
from captioner.data.left_out import LeftOut
from metric.example import Example
from metric.runtime.work_share import Share

PART = 1 << 40  # more pictures than a part holds


@dataclass
class Block:
    """`order` sorts blocks, and with what is added for each picture also pictures, as the input has them."""

    order: int
    examples: list[Example] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def places(self) -> dict[str, int]:
        return {example.id: self.order + i for i, example in enumerate(self.examples)}


def blocks(parts: Sequence[Part], size: int, share: Share, images: str) -> Iterator[Block]:
    """The blocks of this process: every count-th part where there are enough, else every count-th block."""
    if len(parts) >= share.count:
        mine = share.of(enumerate(parts))
        yield from once((block for number, part in mine for block in cut(part, number, size)), images)
    else:
        every = once((block for number, part in enumerate(parts) for block in cut(part, number, size)), images)
        yield from share.of(every)


def cut(part: Part, number: int, size: int) -> Iterator[Block]:
    """Blocks of `size` pictures; the last is what is left."""
    block = Block(number * PART)
    for each in part():
        if isinstance(each, LeftOut):
            block.left_out.append(each)
            continue
        if len(block.examples) == size:
            yield block
            block = Block(block.order + size)
        block.examples.append(each)
    yield block


def once(source: Iterator[Block], images: str) -> Iterator[Block]:
    """The same; a ValueError where an id comes twice, since one of the two captions would be lost."""
    seen: set[str] = set()
    for block in source:
        for example in block.examples:
            if example.id in seen:
                raise ValueError(f"{images} has {example.id!r} twice; give each picture its own id")
            seen.add(example.id)
        yield block
