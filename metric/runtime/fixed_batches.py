"""Batches of one shape: the embedding of a text is the same to the bit, whatever texts stand beside it.

The size of a matrix decides the order in which products are summed, and so the last bits of every row. Here all
batches of one length class have the same number of rows. A remembered value therefore equals the value that any other
batch would give. A resumed run can compute the value again, so that no checkpoint holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch

LENGTH_STEP = 4  # tokens; texts are padded to the next multiple of it


def rows_for(device: torch.device) -> int:
    """Rows of a batch. A GPU is idle with few rows. A CPU wastes time on the rows that only fill a batch."""
    return 16 if device.type == "cpu" else 128


def alike(lengths: Sequence[int], most: int, rows: int) -> Iterator[tuple[list[int], list[int], int]]:
    """Batches of items, shortest first: the items, the same filled up to `rows`, and the padded length.

    Every item is in exactly one batch. A batch is filled with copies of its first item. The padded length is at most
    `most` tokens.
    """
    for batch, length in classes(lengths, most, rows):
        yield batch, batch + batch[:1] * (rows - len(batch)), length


def classes(lengths: Sequence[int], most: int, count: int) -> Iterator[tuple[list[int], int]]:
    """Batches of at most `count` items of one length class, shortest first, with the padded length in tokens."""
    padded = {item: min(-(-length // LENGTH_STEP) * LENGTH_STEP, most) for item, length in enumerate(lengths)}
    for length, group in groupby(sorted(padded, key=padded.__getitem__), key=padded.__getitem__):
        items = list(group)
        for start in range(0, len(items), count):
            yield items[start : start + count], length
