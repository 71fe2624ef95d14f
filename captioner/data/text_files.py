"""Text files: UTF-8 with or without a byte order mark, plain or as .gz, read as text, as lines or as JSON."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold
ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")  # a surrogate as JSON writes it
UNKNOWN = "\ufffd"  # Unicode's replacement character
PACKED = ".gz"


def read_text(path: Path) -> str:
    return "".join(lines(path, newline=""))


def lines(path: Path, newline: str | None = None) -> Iterator[str]:
    """The lines of a file. A line feed, a carriage return or both end a line; other separators belong to captions.

    Raises ValueError for a missing file, and for a file that is not UTF-8 or a damaged .gz.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    with opened(path, newline) as file:
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text: {error.reason} {error.object[error.start]:#x}") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is a damaged {PACKED} file: {error}") from None


def opened(path: Path, newline: str | None) -> IO[str]:
    if path.suffix.lower() == PACKED:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def ending_of(path: Path) -> str:
    """The ending that tells the format, in lower case. `captions.JSONL.gz` has `.jsonl`."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == PACKED else path.suffix.lower()


def read_json(path: Path, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The content of a JSON file. `pairs` makes an object of its keys and values, and may raise ValueError."""
    text = read_text(path)
    try:
        return from_json(text, pairs)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg} at line {error.lineno}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply; expected captions of pictures") from None


def from_json(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The content of JSON. Half of a surrogate pair becomes U+FFFD, since no tokenizer and no file takes it.

    `pairs` makes an object of its keys and values. Raises json.JSONDecodeError and RecursionError.
    """
    content = json.loads(text, object_pairs_hook=pairs)
    return whole(content) if ESCAPED.search(text) else content


def whole(content: Any) -> Any:
    """JSON content with U+FFFD for each half of a surrogate pair."""
    if isinstance(content, str):
        return SURROGATE.sub(UNKNOWN, content)
    if isinstance(content, list):
        return [whole(item) for item in content]
    return {whole(name): whole(value) for name, value in content.items()} if isinstance(content, dict) else content
