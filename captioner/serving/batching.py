"""Requests of many clients, scored together: one batch at a time on one device.

The first request of a batch waits a few milliseconds for others. What comes while a batch is scored forms the next
batch, so that a busy server waits for nothing.

Axes: n rows of a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain

from captioner.serving.items import BadRequest
from rewards.bridges.columns import Row
from rewards.bridges.judge import Judge, Verdict

MOST_WAITING = 4096  # rows that wait; a client that comes later is asked to come again


@dataclass(frozen=True)
class Request:
    """Rows of one client, and the future of their verdicts."""

    rows: Sequence[Row]
    answer: asyncio.Future[list[Verdict]]


class Batcher:
    """`await batcher(rows)` gives their verdicts. `work` has to run in the same loop."""

    def __init__(self, judge: Judge, most: int = 64, window: float = 0.005) -> None:
        """`most` rows make a batch, or more if one request has more. `window` is the wait of the first in seconds."""
        self.judge, self.most, self.window = judge, most, window
        self.queue: asyncio.Queue[Request] = asyncio.Queue()
        self.waiting = self.scored = self.batches = 0

    async def __call__(self, rows: Sequence[Row]) -> list[Verdict]:
        """n rows -> n verdicts. Raises BadRequest where too many rows wait, and RewardFailed."""
        if self.waiting and self.waiting + len(rows) > MOST_WAITING:  # a request of more waits for an idle server
            raise BadRequest(f"busy: {self.waiting} captions wait; ask again", HTTPStatus.SERVICE_UNAVAILABLE)
        self.waiting += len(rows)
        request = Request(rows, asyncio.get_running_loop().create_future())
        self.queue.put_nowait(request)
        try:
            return await request.answer
        finally:
            self.waiting -= len(rows)

    async def work(self) -> None:
        """Scores batch after batch, until it is cancelled."""
        while True:
            requests = [await self.queue.get()]
            if self.waiting < self.most:
                await asyncio.sleep(self.window)
            count = len(requests[0].rows)
            while count < self.most and not self.queue.empty():
                requests.append(self.queue.get_nowait())
                count += len(requests[-1].rows)
            await self.answer(requests)

    async def answer(self, requests: Sequence[Request]) -> None:
        """Scores requests together. If a reward fails, each is scored alone, so that the others have their answer."""
        rows = list(chain.from_iterable(request.rows for request in requests))
        (found,) = await asyncio.gather(asyncio.to_thread(self.judge, rows), return_exceptions=True)
        if isinstance(found, BaseException) and len(requests) > 1:
            for request in requests:
                await self.answer([request])
        elif isinstance(found, BaseException):
            if not requests[0].answer.done():  # the client may be gone
                requests[0].answer.set_exception(found)
        else:
            self.scored += len(rows)
            self.batches += 1
            hand_out(found, requests)


def hand_out(verdicts: Sequence[Verdict], requests: Sequence[Request]) -> None:
    """Gives each request the verdicts of its rows."""
    start = 0
    for request in requests:
        end = start + len(request.rows)
        if not request.answer.done():
            request.answer.set_result(list(verdicts[start:end]))
        start = end
