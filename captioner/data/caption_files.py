"""Files of captions: written as JSONL, read in every format of ours and in those of other programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from gzip import BadGzipFile
from itertools import islice
from pathlib import Path
from typing import Any

from captioner.data import DATA, Every, read
from captioner.data.adapters import parquet_files
from captioner.data.adapters.json_files import is_record, records_of
from captioner.data.adapters.tables import has_header, table
from captioner.data.caption_names import LINE as LINE
from captioner.data.caption_names import Names, named_by, names_in, naming_column
from captioner.data.columns import CAPTION, is_further, printed, titled
from captioner.data.detect import recognise
from captioner.data.layouts import holds_bytes
from captioner.data.left_out import LeftOut, without_left_out
from captioner.data.name_index import NameIndex
from captioner.data.rows.csv_cells import header_of
from captioner.data.rows.ids import once
from captioner.data.rows.ids import share_of_ids as share_of_ids
from captioner.data.rows.records import FILE, TALKS, Row, answers, tell_unread
from captioner.data.text_files import ending_of, from_json, opened, read_text
from metric.storage.atomic_files import write
from metric.storage.text_lines import text_lines

TABLES = (".csv", ".tsv")
MANY = ("captions", "candidates", "generations", "predictions", "responses")  # columns with a list of captions


def line(name: str, caption: str) -> str:
    return json.dumps({"id": name, "caption": caption}, ensure_ascii=False) + "\n"


def write_lines(path: Path, captions: Mapping[str, str]) -> None:
    """Captions by id as JSONL."""
    write(path, "".join(line(*item) for item in captions.items()))


def read_captions(path: Path, known: NameIndex | None = None) -> dict[str, str]:
    """Captions by id from what `captioner caption` writes in any format, COCO results, JSON {id: caption} or a table.

    Records of capevalkit, BLIP, LAVIS, ms-swift and batches of vLLM are known too. Where several columns may name the
    pictures, the ids are of the one that fits the `known` pictures. What is not used is reported. Raises ValueError for
    another kind of file, and for an id with several captions.
    """
    rows = list(named_captions(path))
    said = [row for row in rows if not isinstance(row, LeftOut)]
    column = naming_column([names for names, _ in said], known, str(path))
    pairs = [(named_by(names, column), caption) for names, caption in said]
    captions = dict(pairs)
    lost = [row for row in rows if isinstance(row, LeftOut)]
    again = Counter(pairs)
    lost += [LeftOut(name, "it stands twice", "caption") for (name, _), n in again.items() for _ in range(n - 1)]
    list(without_left_out(lost, str(path)))
    if not captions:
        empty = "" if rows else ": it has no row"
        raise ValueError(f"{path} has no captions{empty}; expected lines {LINE}")
    if len(captions) < len(again):
        double = [name for name, times in Counter(name for name, _ in again).items() if times > 1]
        raise ValueError(f"{path}: {share_of_ids(double, len(captions))} have several captions; give one caption an id")
    return captions


def named_captions(path: Path) -> Iterator[tuple[Names, str] | LeftOut]:
    """(names of the picture, caption) of each record of a file, a folder or a data set."""
    if not path.is_file():
        yield from of_data(path)
    elif starts_with(path, "{["):
        yield from said(records(path))
    elif ending_of(path) in TABLES or (ending_of(path) == ".txt" and has_header(header_of(path))):
        yield from said(tabled(table(path, header_of(path))))
    elif ending_of(path) == ".parquet" and not holds_bytes(path):
        yield from said(tabled(parquet_files.rows(path)))
    elif is_data(path):
        yield from of_data(path)
    else:
        yield from said(records(path))


def starts_with(path: Path, signs: str) -> bool:
    """Whether the first letter of a text file is one of `signs`. Files of another kind begin otherwise."""
    try:
        with opened(path, None) as file:
            return file.read(4096).lstrip()[:1] in tuple(signs)
    except (UnicodeDecodeError, EOFError, BadGzipFile):
        return False


def is_data(path: Path) -> bool:
    """Whether a path is recognised as a data set."""
    try:
        recognise(str(path), DATA)
    except ValueError:
        return False
    return True


def of_data(path: Path) -> Iterator[tuple[Names, str] | LeftOut]:
    """({"id": id}, caption) of a data set, such as a folder of texts or of shards."""
    if not (path.exists() or ":" in str(path)):
        raise ValueError(f"{path} is not a file; expected a file of captions")
    for item in read(str(path), "test", Every()):
        if isinstance(item, LeftOut):
            yield item
        else:
            yield from (({"id": item.id}, caption) for caption in item.references)


def records(path: Path) -> Iterator[tuple[str, Row]]:
    """(place, record) of a JSON file, or of a file with a JSON object a line."""
    content = parsed(path, read_text(path), LINE)
    yield from records_of(content, path)


def tabled(rows: Iterable[tuple[str, Row] | LeftOut]) -> Iterator[tuple[str, Row] | LeftOut]:
    """The rows of a table. A cell of captions that holds a printed list has its captions as a list."""
    for item in rows:
        yield item if isinstance(item, LeftOut) else (item[0], with_lists(item[1], item[0]))


def with_lists(row: Row, place: str) -> Row:
    names = [name for name in (titled(row, CAPTION), *MANY) if name]
    read = {name: row[name] for name in names if isinstance(row.get(name), str)}
    lists = {name: list(printed(text, place)) for name, text in read.items()}
    return {**row, **{name: texts for name, texts in lists.items() if texts != [read[name]]}}


def said(rows: Iterable[tuple[str, Row] | LeftOut]) -> Iterator[tuple[Names, str] | LeftOut]:
    """(names of the picture, caption) of each record. Raises ValueError for a record without an id or a caption."""
    for item in rows:
        if isinstance(item, LeftOut):
            yield item
            continue
        place, row = item
        names, texts, reasons = names_in(row, place), *captions_in(row, place)
        tell_further(row, place)
        yield from ((names, text) for text in texts)
        yield from (LeftOut(named_by(names, ""), reason, "caption") for reason in reasons)


def tell_further(row: Row, place: str) -> None:
    """Tells once a file of columns such as `caption_de`, which are not read."""
    others = tuple(name for name, value in row.items() if is_further(name, value))
    if others and (title := titled(row, CAPTION)):
        tell_unread((title,), others, FILE.sub("", place), f"call the column to be read {CAPTION[0]}")


def captions_in(row: Row, place: str) -> tuple[list[str], list[str]]:
    """The captions of a record, and why others are left out. Raises ValueError for a record without a caption."""
    title = titled(row, CAPTION)
    talk = titled(row, TALKS)
    if title is None and talk is None:
        raise ValueError(
            f"{place} holds {json.dumps(row, default=str)[:80]}, expected {LINE}, or image_id in place of id"
        )
    if title is None:
        return answers(row[talk or ""], place)[-1:], []
    value = row[title]
    if title == "response" and not isinstance(value, (str, list)):
        return reply(row, value, place)
    others = row.get("captions") if title == "caption" else None
    more = len(others) - 1 if isinstance(others, list) else 0
    texts, reasons = captions_of(value, place)
    return texts, reasons + [f"{more} more of the picture, of which the first is taken"] * (more > 0)


def captions_of(value: Any, place: str) -> tuple[list[str], list[str]]:
    """The captions of a value, and why others are left out: those that are null, or NaN of pandas.

    A value is text, a list of texts, or records as pycocoevalcap has them. Raises ValueError for another.
    """
    items = value if isinstance(value, list) else [value]
    texts = [item.get("caption") if isinstance(item, Mapping) else item for item in items]
    said = [text for text in texts if isinstance(text, str)]
    nulls = [text for text in texts if text is None or text != text]
    if (
        not texts
        or len(said) + len(nulls) < len(texts)
        or any(isinstance(item, Mapping) and "caption" not in item for item in items)
    ):
        raise ValueError(f"{place}: the caption is {json.dumps(value, default=str)[:80]}, expected text")
    return said, ["it is null" for _ in nulls]


def reply(row: Row, response: Any, place: str) -> tuple[list[str], list[str]]:
    """The answer of a server in a batch of vLLM or OpenAI: {"body": {"choices": [{"message": {"content": ...}}]}}."""
    body = response.get("body") if isinstance(response, Mapping) else None
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not choices or row.get("error"):
        return [], [f"its request failed: {json.dumps(row.get('error') or response, default=str)[:80]}"]
    first = choices[0]
    message = first.get("message", {}).get("content", first.get("text"))
    if message is None:
        return [], [f"its answer has no text (finish_reason {first.get('finish_reason')!r})"]
    more = len(choices) - 1
    texts, reasons = captions_of(message, place)
    return texts, reasons + [f"{more} more of the request, of which the first is taken"] * (more > 0)


def parsed(path: Path, text: str, expected: str) -> dict[str, Any] | list[Any]:
    """The content of a file that is one JSON object or list, or else the JSON objects of its lines.

    Raises ValueError for another file. `expected` describes the file in the error message.
    """
    try:
        content = from_json(text, once)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply; expected {expected}") from None
    except ValueError as error:
        lines = "\n".join(text_lines(text))
        if holds_lines(lines):
            return list(lines_parsed(path, lines, expected))
        raise not_json(path, 1, error, expected) from None
    return content if isinstance(content, (dict, list)) and not is_record(content) else [content]


def holds_lines(text: str) -> bool:
    """Whether text has a JSON object a line, by its first two lines, or no line at all."""
    first = islice((line for line in text.split("\n") if line.strip()), 2)
    return all(line.lstrip().startswith("{") and line.strip() != "{" for line in first)


def lines_parsed(path: Path, text: str, expected: str) -> Iterator[Any]:
    for number, row in enumerate(text.split("\n"), 1):
        if row.strip():
            try:
                yield from_json(row, once)
            except ValueError as error:
                raise not_json(path, number, error, expected) from None


def not_json(path: Path, number: int, error: ValueError, expected: str) -> ValueError:
    """The message about the JSON that begins at the line `number` of a file: its fault, with the line of the fault."""
    if not isinstance(error, json.JSONDecodeError):
        return ValueError(f"{path}{f':{number}' if number > 1 else ''}: {error}")
    return ValueError(f"{path}:{number + error.lineno - 1} is not JSON: {error.msg}; expected {expected}")
