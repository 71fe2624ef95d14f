"""Batches of one shape, so that what a model makes of a text does not depend on the texts beside it.

The size of a matrix decides in which order its products are summed, and so the last bits of every row. Rows of one
length class, always as many, are computed in one way, whatever the others hold: a value that is remembered is the one
that any other batch would give, to the bit, and needs no saving for a run to be resumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch

LENGTH_STEP = 4  # tokens: texts are padded to the next multiple


def rows_for(device: torch.device) -> int:
    """Rows of a batch: a GPU is idle with few, and what fills a short batch is computed in vain."""
    return 16 if device.type == "cpu" else 128


def alike(lengths: Sequence[int], most: int, rows: int) -> Iterator[tuple[list[int], list[int], int]]:
    """Which items make a batch, those and what fills it up to `rows`, and the length all are padded to, `most` or less.

    Every item is in one batch; shortest first.
    """
    for batch, length in classes(lengths, most, rows):
        yield batch, batch + batch[:1] * (rows - len(batch)), length


def classes(lengths: Sequence[int], most: int, count: int) -> Iterator[tuple[list[int], int]]:
    """Items of one class of lengths, at most `count` of them, and the length all are padded to; shortest first."""
    padded = {item: min(-(-length // LENGTH_STEP) * LENGTH_STEP, most) for item, length in enumerate(lengths)}
    for length, group in groupby(sorted(padded, key=padded.__getitem__), key=padded.__getitem__):
        items = list(group)
        for start in range(0, len(items), count):
            yield items[start : start + count], length
