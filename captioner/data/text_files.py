"""Text files: UTF-8, or UTF-16 with its byte order mark, plain or as .gz, read as text, as lines or as JSON."""

from __future__ import annotations

import codecs
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
    try:
        with opened(path, newline) as file:
            yield from file
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} {not_text(error)}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged {PACKED} file: {error}") from None


def opened(path: Path, newline: str | None) -> IO[str]:
    packed = path.suffix.lower() == PACKED
    with gzip.open(path) if packed else path.open("rb") as file:
        encoding = encoding_of(file.read(len(codecs.BOM_UTF32_LE)))
    return (gzip.open if packed else open)(path, "rt", encoding=encoding, newline=newline)


def encoding_of(beginning: bytes) -> str:
    """The encoding by the byte order mark: UTF-8 without one. Windows writes UTF-16 as "Unicode"."""
    if beginning.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def decoded(data: bytes) -> str:
    """The text of bytes as `opened` reads a file. Raises UnicodeDecodeError."""
    return data.decode(encoding_of(data[:4]))


def not_text(error: UnicodeDecodeError) -> str:
    """The end of a message about bytes that are no text."""
    byte = f" {error.object[error.start]:#x}" if error.start < len(error.object) else ""
    return f"is not UTF-8 text: {error.reason}{byte}; save it as UTF-8, such as by iconv -f latin1 -t utf-8"


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
