"""Records of tables and JSON files: what each says of a picture, under the names of columns that others use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from captioner.data.columns import (
    IMAGE,
    NO_CAPTIONS,
    NUMBERED,
    REFERENCES,
    check_unknown,
    column,
    is_further,
    is_sentence,
    references_column,
    texts,
    texts_of,
    titled,
)
from captioner.data.left_out import LeftOut
from captioner.data.picture_files import is_picture
from captioner.data.rows.ids import id_text
from captioner.data.splits import same
from metric.runtime.console import tell

Row: TypeAlias = Mapping[str, Any]
# columns that name a picture where no column has its path, the likeliest first
NAMES = ("image_id", "img_id", "cocoid", "custom_id", "id", "key", "name")
COCO_DIGITS = 12  # in the names of COCO's files
FILE = re.compile(r"(: row \d+|:\d+|: '.*')$", re.DOTALL)  # what follows the file's name in the place of a record
TALKS = ("conversations", "messages")  # of LLaVA and of chat models
ANSWERING = ("gpt", "assistant", "model")  # speakers of a talk who describe the picture


@dataclass(frozen=True)
class Columns:
    """The names of columns as typed. An empty name stands for the usual columns."""

    image: str = ""
    references: str = ""
    id: str = ""


@dataclass(frozen=True)
class Entry:
    """What a record says of a picture: the picture's name as written, its id, captions, and captions left out."""

    name: str
    id: str
    captions: tuple[str, ...]
    place: str
    files: tuple[str, ...]
    """the names that the picture's file may have"""
    unused: tuple[str, ...] = ()
    """why captions of the record are left out"""


def entry(row: Row, columns: Columns, place: str) -> Entry | LeftOut:
    """What a record says. A LeftOut for a record without a picture, or with several.

    Raises ValueError for an id that is no id, captions that are no texts, and columns that cannot be found.
    """
    title = image_column(row, columns.image, place)
    if not columns.image and speaks_of_none(row, title):
        return LeftOut(place, "it names no picture")
    pictures = row[title] if isinstance(row[title], list) else [row[title]]
    names = [name for picture in pictures if (name := path_of(picture, place))]
    if len(names) != 1:
        return LeftOut(place, f"it names {len(names) or 'no'} picture{'s' * (len(names) > 1)}")
    captions, unused = captions_of(row, columns, place)
    return Entry(names[0], id_of(row, columns, title, names[0], place), captions, place, files_of(names[0]), unused)


def speaks_of_none(row: Row, title: str) -> bool:
    """Whether a record is a conversation without a picture, whose only name is an id of its own, as in LLaVA's mix."""
    alone = titled(row, TALKS) and not titled(row, IMAGE) and not titled(row, REFERENCES)
    return bool(alone) and not is_picture(str(row[title]))


def files_of(name: str) -> tuple[str, ...]:
    """The names that a picture's file may have. A number stands for COCO's files too, as in ClipCap's annotations."""
    if not (name.isascii() and name.isdigit() and len(name) <= COCO_DIGITS):
        return (name,)
    number = name.zfill(COCO_DIGITS)
    return (name, f"{number}.jpg", *(f"COCO_{part}_{number}.jpg" for part in ("train2014", "val2014")))


def image_column(row: Row, typed: str, place: str) -> str:
    if typed:
        return column(row, typed, IMAGE, "image", place)
    return titled(row, IMAGE) or titled(row, NAMES) or column(row, "", IMAGE, "image", place)


def path_of(picture: Any, place: str) -> str:
    """The path, name or number of a picture; "" for an empty value. Raises ValueError for another value."""
    if isinstance(picture, Mapping):
        picture = next((picture[name] for name in IMAGE if name in picture), picture)
    if is_empty(picture):
        return ""
    if isinstance(picture, (Mapping, list)):
        raise ValueError(f"{place}: the picture must be a path, got {json.dumps(picture, default=str)[:80]}")
    return tidy(id_text(picture, place))


def tidy(name: str) -> str:
    r"""A path without parts that say nothing: `./a//1.jpg` is `a/1.jpg`. An address stays as it is.

    >>> tidy("./a//1.jpg"), tidy(".\\a\\1.jpg"), tidy("http://a.org//1.jpg")
    ('a/1.jpg', 'a\\1.jpg', 'http://a.org//1.jpg')
    """
    if "://" in name or not name.strip(". "):
        return name
    head = "/" if name.startswith("/") else ""
    return head + re.sub(r"^([.]?[\\/])+|(?<=/)([.]?/)+", "", name)


def is_empty(value: object) -> bool:
    return value is None or value == "" or value != value  # NaN


def id_of(row: Row, columns: Columns, title: str, name: str, place: str) -> str:
    """The id: that of the typed column, else that of the column `id`, else the picture's name."""
    if columns.id:
        own = row[column(row, columns.id, (), "id", place)]
    else:
        own = None if title.strip().lower() in NAMES else value_of(row, "id")
    if isinstance(own, (list, Mapping)) and columns.id:  # id=images of a record with a list
        own = path_of(own[0] if isinstance(own, list) and own else own, place)
    return name if is_empty(own) else id_text(own, place)


def value_of(row: Row, name: str) -> Any:
    """The value of a column in any case of its name; None without such a column."""
    title = titled(row, (name,))
    return None if title is None else row[title]


def in_split(row: Row, split: str) -> bool:
    """Whether a record belongs to a split. A record without a split belongs to every split."""
    own = split_of(row)
    return not own or same(own, split)


def split_of(row: Row) -> str:
    own = value_of(row, "split")
    if isinstance(own, (list, Mapping)):
        raise ValueError(
            f"a split must be text, got {json.dumps(own, default=str)[:80]} in {json.dumps(row, default=str)[:80]}"
        )
    return "" if is_empty(own) else str(own).strip()


def captions_of(row: Row, columns: Columns, place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The captions of a record, and the reasons why some are left out."""
    if columns.references.lower() == NO_CAPTIONS and not titled(row, (NO_CAPTIONS,)):
        return (), ()
    titles = caption_columns(row, columns.references, place)
    if titles:
        captions = tuple(text for title in titles for text in texts(row[title], place))
        if not columns.references and (others := unread(row, titles, captions)):
            tell_unread(tuple(titles), others, FILE.sub("", place))
        return captions, ()
    if isinstance(row.get("labels"), str) and "response" in row:  # ms-swift's name of what people wrote
        return texts(row["labels"], place), ()
    talk = titled(row, TALKS)
    if talk is None:
        check_unknown(row, (columns.image, columns.id), place)
        return (), ()
    said = answers(row[talk], place)
    if len(said) > 1:
        return (), tuple(f"its conversation has {len(said)} answers, and any may be the caption" for _ in said)
    return tuple(said), ()


def unread(row: Row, titles: Sequence[str], captions: Sequence[str]) -> tuple[str, ...]:
    """Further columns of captions by their names, with a text that is not among the `captions` that are read."""
    others = [name for name in row if name not in titles and row[name] not in captions]
    return tuple(
        name
        for name in others
        if is_further(name, row[name]) or (is_sentence(row[name]) and name.strip().lower() in REFERENCES)
    )


@lru_cache
def tell_unread(titles: tuple[str, ...], others: tuple[str, ...], file: str, advice: str = "") -> None:
    """Tells once a file that further columns of captions are not read."""
    read, more = (", ".join(map(repr, names)) for names in (titles, others))
    tell(
        [
            f"{file}: the captions are those of {read}; {more} {'is' if len(others) == 1 else 'are'} not read; "
            f"{advice or 'type references=' + '+'.join((*titles, *others)) + ' for all'}"
        ]
    )


def caption_columns(row: Row, typed: str, place: str) -> list[str]:
    """The columns of captions: those typed as `a+b`, else one with a usual name, else `caption_1`, `caption_2`, ..."""
    if "+" in typed:
        return [column(row, name, (), "references", place) for name in typed.split("+")]
    title = references_column(row, typed, place)
    return [title] if title is not None else [name for name in row if NUMBERED.fullmatch(name.strip())]


def answers(talk: Any, place: str) -> list[str]:
    """What a model says in a conversation of {"from", "value"} or {"role", "content"}."""
    if not isinstance(talk, list) or not all(isinstance(turn, Mapping) for turn in talk):
        raise ValueError(f"{place}: expected a list of messages, got {json.dumps(talk, default=str)[:80]}")
    turns = [turn for turn in talk if str(turn.get("from", turn.get("role"))).lower() in ANSWERING]
    return [" ".join(spoken(turn.get("value", turn.get("content")), place)) for turn in turns]


def spoken(content: Any, place: str) -> tuple[str, ...]:
    """The texts of a message, whose content may be a list of parts {"type": "text", "text": ...}."""
    parts = content if isinstance(content, list) else [content]
    return tuple(text for part in parts for text in texts_of(part, place))
