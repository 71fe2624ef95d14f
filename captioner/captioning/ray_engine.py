"""Captions blocks with the workers of Ray: a map over a Ray data set whose rows are blocks."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from captioner.captioning.journal import Row
from captioner.captioning.worker import Worker
from captioner.data.blocks import Block
from captioner.sources.protocol import CaptionSource
from captioner.sources.settings import CandidateSettings


def library() -> Any:
    """The module ray. Raises ValueError when the package is not installed."""
    try:
        import ray.data
    except ImportError:
        raise ValueError("--engine ray needs the package ray; type pip install 'captioner[ray]'") from None
    return ray


class Captions:
    """The state of a worker of Ray. A batch of Ray is one block, so its captions equal those of a local process."""

    def __init__(self, source: CaptionSource, settings: CandidateSettings, images: str, split: str) -> None:
        self.worker = Worker(source, settings, images, split)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        blocks = [pickle.loads(block) for block in batch["block"]]
        return {"rows": [pickle.dumps([asdict(row) for row in rows]) for rows in self.worker.rows(blocks)]}


def on_ray(
    source: CaptionSource, settings: CandidateSettings, images: str, split: str, workers: int, blocks: Iterator[Block]
) -> Iterator[list[Row]]:
    """Yields the rows of each block, in the order in which the workers finish."""
    ray = library()
    pickled = ray.data.from_items([{"block": pickle.dumps(block)} for block in blocks])
    captioned = pickled.map_batches(
        Captions,
        fn_constructor_args=(source, settings, images, split),
        batch_size=1,
        concurrency=workers,
    )
    for block in captioned.iter_rows():
        yield [Row(**row) for row in pickle.loads(block["rows"])]
