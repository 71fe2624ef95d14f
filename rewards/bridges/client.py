"""The client of `captioner serve`: a request of JSON, with nothing but the standard library."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from metric.example import Cut, refuse_one_text

URL = "http://127.0.0.1:8100"
TIMEOUT = 120.0  # seconds for an answer
PAUSE = 0.5  # seconds before a busy server is asked again
PAUSES = 60
OPENER = build_opener(ProxyHandler({}))  # a reward server is nearby, whatever proxy the environment names


def item(caption: str, image: str | Path | None, references: Sequence[str], pictures: str = "path") -> dict[str, Any]:
    """A caption as the server reads it. `pictures` is path, for a path that the server can open, or bytes.

    Raises ValueError for another word, and OSError for a file that cannot be read.
    """
    if pictures not in ("path", "bytes"):
        raise ValueError(f"pictures is path or bytes, got {pictures!r}")
    refuse_one_text("references", references)
    made: dict[str, Any] = {"caption": str(caption), "references": list(references), "cut": isinstance(caption, Cut)}
    if image is not None:
        made["image"] = str(image) if pictures == "path" else {"base64": b64encode(Path(image).read_bytes()).decode()}
    return made


def ask(url: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the server at `url` to an item, or to `{"items": [...]}`. A busy server is asked again.

    Raises ValueError for a request that the server refuses, and OSError where no server answers.
    """
    body = json.dumps(request).encode()
    post = Request(f"{url.rstrip('/')}/score", body, {"Content-Type": "application/json"})
    for pause in range(PAUSES + 1):
        try:
            with OPENER.open(post, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or pause == PAUSES:
                raise ValueError(f"the reward server at {url} refused: {reason_of(error)}") from None
            time.sleep(PAUSE)
        except URLError as error:
            raise OSError(
                f"no reward server answers at {url} ({error.reason}); start one: captioner serve --reward clips"
            ) from None
    raise AssertionError


def reason_of(error: HTTPError) -> str:
    """The line of the server about a refusal."""
    try:
        return json.load(error)["error"]
    except (ValueError, KeyError):
        return f"{error.code} {error.reason}"
