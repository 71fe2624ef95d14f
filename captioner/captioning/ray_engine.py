"""The same blocks, captioned by Ray's workers: a map over a Ray data set whose rows are blocks."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from captioner.captioning.candidates import Wanted
from captioner.captioning.journal import Row
from captioner.captioning.worker import ModelSource, Worker
from captioner.data.blocks import Block


def library() -> Any:
    try:
        import ray.data
    except ImportError:
        raise ValueError("--engine ray needs the package ray; type pip install 'captioner[ray]'") from None
    return ray


class Captions:
    """What a worker of Ray holds; a batch of Ray is one of our blocks, so that it is captioned as it is here."""

    def __init__(self, model: ModelSource, wanted: Wanted, images: str, split: str) -> None:
        self.worker = Worker(model, wanted, images, split)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        blocks = [pickle.loads(each) for each in batch["block"]]
        return {"rows": [pickle.dumps([asdict(row) for row in rows]) for rows in self.worker.rows(blocks)]}


def on_ray(
    model: ModelSource, wanted: Wanted, images: str, split: str, workers: int, blocks: Iterator[Block]
) -> Iterator[list[Row]]:
    """The rows of each block as they come, in any order."""
    ray = library()
    held = ray.data.from_items([{"block": pickle.dumps(block)} for block in blocks])
    said = held.map_batches(
        Captions,
        fn_constructor_args=(model, wanted, images, split),
        batch_size=1,
        concurrency=workers,
    )
    for each in said.iter_rows():
        yield [Row(**row) for row in pickle.loads(each["rows"])]
