"""The reward server as a process: an address, uvicorn, the end at Ctrl-C. Needs the extra serve."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metric.images import reason
from metric.runtime.console import say
from rewards.bridges.judge import Judge

if TYPE_CHECKING:
    from captioner.serving.batching import Batcher
    from captioner.serving.items import Rules

LOOPBACK = ("127.0.0.1", "::1", "localhost")
GRACE = 5  # seconds that open requests have at the end


def library() -> None:
    """Raises ValueError when FastAPI or uvicorn is not installed."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ValueError(
            "the server needs the packages fastapi and uvicorn; type pip install 'captioner[serve]'"
        ) from None


def bound(host: str, port: int) -> socket.socket:
    """A socket on an address. Port 0 takes a free port. Raises ValueError for an address that cannot be had."""
    why = "" if 0 <= port < 2**16 else "a port is a number from 0 to 65535"
    try:
        if not why:
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = reason(error)
    raise ValueError(f"cannot serve on {host}:{port}: {why}; type another --host or --port, such as --port 0")


def address(host: str, listener: socket.socket) -> str:
    """The address of a bound socket as a URL."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def rules_of(host: str, images: str, most_items: int, most_mb: int) -> Rules:
    """The rules of requests. Without a folder, paths are read on the loopback only. ValueError for a missing folder."""
    from captioner.serving.items import Rules

    if images and not Path(images).is_dir():
        raise ValueError(f"--images {images}: no such folder")
    return Rules(Path(images) if images else None, host in LOOPBACK, most_items, most_mb * 2**20)


def server_of(judge: Judge, rules: Rules, batcher: Batcher) -> Any:
    """A server of uvicorn, which `run(sockets=[...])` starts and Ctrl-C or `should_exit` ends."""
    import uvicorn

    from captioner.serving.application import application

    app = application(judge, rules, batcher)
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE))


def serve(judge: Judge, rules: Rules, batcher: Batcher, host: str, listener: socket.socket) -> None:
    """Serves until Ctrl-C."""
    rewards = " ".join(map(str, judge.specs))
    say(f"serving {rewards} at {address(host, listener)} (POST /score, GET /health); Ctrl-C ends")
    try:
        server_of(judge, rules, batcher).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn raises it again after the open requests
        pass
