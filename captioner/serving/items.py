"""Requests of the reward server: JSON -> rows, within limits. A bad request is one line with a status of HTTP.

{"caption": "a dog", "image": "/photos/dog.jpg", "references": ["a dog runs"], "cut": false}
{"caption": "a dog", "image": {"base64": "iVBORw0..."}}
{"items": [{"caption": ...}, ...]}
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from metric.example import Cut, Picture
from metric.spec import nearest_or_all
from rewards.bridges.columns import Row
from rewards.bridges.pictures import picture_of

FIELDS = ("caption", "image", "references", "cut")


class BadRequest(ValueError):
    """A request that is refused: one line, and the status of HTTP."""

    def __init__(self, line: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(" ".join(line.split()))
        self.status = status


@dataclass(frozen=True)
class Rules:
    """What a request may hold."""

    folder: Path | None = None
    """the folder of pictures that are sent as paths"""
    any_path: bool = True
    """without a folder: whether a path may name any file"""
    most_items: int = 256
    most_bytes: int = 32 * 2**20

    def read(self, body: bytes) -> tuple[list[Row], bool]:
        """The rows of a request, and whether they came as a list. Raises BadRequest."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is no JSON: {error}", HTTPStatus.BAD_REQUEST) from None
        if not isinstance(request, dict):
            raise BadRequest('the body is an object: {"caption": ...} or {"items": [...]}')
        if "items" not in request:
            return [self.row(request, "the item")], False
        items = request["items"]
        if not isinstance(items, list) or len(request) > 1 or not items:
            raise BadRequest('a batch is {"items": [{"caption": ...}, ...]}, with one item or more')
        if len(items) > self.most_items:
            raise BadRequest(
                f"{len(items)} items in a request, and at most {self.most_items} are taken; send several requests",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        return [self.row(item, f"item {n}") for n, item in enumerate(items)], True

    def row(self, item: Any, name: str) -> Row:
        """One item as a row. `name` stands in messages. Raises BadRequest."""
        if not isinstance(item, dict):
            raise BadRequest(f'{name} is {json.dumps(item)[:40]}, expected {{"caption": ...}}')
        for key in item:
            if key not in FIELDS:
                raise BadRequest(f"{name} has the field {key[:40]!r}; {nearest_or_all(key, FIELDS)}")
        caption, cut = item.get("caption"), item.get("cut", False)
        if not isinstance(caption, str) or not isinstance(cut, bool):
            raise BadRequest(f"{name}: caption is a text, and cut is true or false")
        return Row(Cut(caption) if cut else caption, self.picture(item.get("image"), name), texts(item, name))

    def picture(self, sent: Any, name: str) -> Picture | None:
        """The picture of an item: a path, or the bytes of a file in base64. Raises BadRequest."""
        try:
            if isinstance(sent, dict) and set(sent) == {"base64"} and isinstance(sent["base64"], str):
                return picture_of(b64decode(sent["base64"], validate=True), name)
            if sent is None or isinstance(sent, str):
                return picture_of(sent and self.place(sent, name), name)
        except binascii.Error as error:
            raise BadRequest(f"{name}: the picture is no base64: {error}") from None
        except ValueError as error:
            raise error if isinstance(error, BadRequest) else BadRequest(str(error)) from None
        raise BadRequest(f'{name}: image is a path, or {{"base64": ...}} with the bytes of a file')

    def place(self, path: str, name: str) -> Path:
        """The file that a path names. Raises BadRequest for a path that this server does not read."""
        if self.folder is None and not self.any_path:
            raise BadRequest(f'{name}: this server reads no paths; send {{"base64": ...}}', HTTPStatus.FORBIDDEN)
        if self.folder is None:
            return Path(path)
        place = (self.folder / path).resolve()
        if not place.is_relative_to(self.folder.resolve()):
            raise BadRequest(f"{name}: the path lies outside of the folder of the server", HTTPStatus.FORBIDDEN)
        return place


def texts(item: dict[str, Any], name: str) -> tuple[str, ...]:
    """The references of an item. Raises BadRequest."""
    sent = item.get("references")
    listed = [] if sent is None else [sent] if isinstance(sent, str) else sent
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise BadRequest(f"{name}: references are a list of texts")
    return tuple(text for text in listed if text)
