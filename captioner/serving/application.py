"""The routes of the reward server: POST /score and GET /health. Needs FastAPI.

The answer to an item is `{"total": 1.2, "terms": {"clips": 0.7}}`, the answer to a batch `{"scores": [...]}` in the
order of the items. A refusal is `{"error": "one line"}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from captioner.serving.batching import Batcher
from captioner.serving.items import BadRequest, Rules
from rewards.bridges.judge import Judge, Verdict
from rewards.mix import RewardFailed


def application(judge: Judge, rules: Rules, batcher: Batcher) -> FastAPI:
    """The server of one judge. `rules` are those of requests."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(batcher.work())
        yield
        work.cancel()

    app = FastAPI(title="captioner serve", lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(BadRequest, refused)
    app.add_exception_handler(RewardFailed, failed)
    app.add_exception_handler(HTTPException, unknown)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return facts(judge, batcher)

    @app.post("/score")
    async def score(request: Request) -> dict[str, Any]:
        body = await limited(request, rules.most_bytes)
        rows, several = await asyncio.to_thread(rules.read, body)
        scores = [score_of(verdict, n, several) for n, verdict in enumerate(await batcher(rows))]
        return {"scores": scores} if several else scores[0]

    return app


async def limited(request: Request, most: int) -> bytes:
    """The body of a request. Raises BadRequest for a body of more than `most` bytes.

    The rest of a long body is read and dropped, since a client hears the refusal only after it has sent the whole.
    """
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        body += part if size <= most else b""
    if size > most:
        raise BadRequest(
            f"the body has {size} bytes, and at most {most} are taken; send fewer items, or pictures as paths",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    return bytes(body)


def score_of(verdict: Verdict, n: int, several: bool) -> dict[str, Any]:
    """The answer to one item. Raises BadRequest for an item that cannot be judged."""
    if verdict.total is None:
        raise BadRequest(f"item {n}: {verdict.why}" if several else f"the item: {verdict.why}")
    return {"total": verdict.total, "terms": verdict.terms}


def facts(judge: Judge, batcher: Batcher) -> dict[str, Any]:
    """What /health tells: the rewards with weight and signature, and the work so far."""
    rewards = {
        term.key: {"reward": str(term.spec), "weight": term.spec.weight, "signature": term.signature}
        for term in judge.mix.terms
    }
    work = {"scored": batcher.scored, "batches": batcher.batches, "waiting": batcher.waiting}
    return {"status": "ok", "rewards": rewards, "needs": judge.mix.needs, **work}


async def refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadRequest)
    return JSONResponse({"error": str(error)}, error.status)


async def failed(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)


async def unknown(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{error.detail}; there are POST /score and GET /health"}, error.status_code)
