"""Candidates that others made, from a file, as a source of captions: one row a picture or several, each with captions.

    {"id": "a.jpg", "captions": ["a cat", "a dog"]}          or one caption a row, in any format of `captioner score`

Pictures are found by any spelling of their names, see `captioner.data.name_index`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from captioner.config import Decode
from captioner.data import DATA, read, rereadable, wordless
from captioner.data.adapters import parquet_files
from captioner.data.adapters.tables import table
from captioner.data.caption_files import LINE, MANY, TABLES, captions_in, captions_of, records, tabled
from captioner.data.caption_names import Names, named_by, names_in, naming_column
from captioner.data.detect import recognise
from captioner.data.left_out import LeftOut, without_left_out
from captioner.data.name_index import NamedPicture, NameIndex, named
from captioner.data.rows.csv_cells import header_of
from captioner.data.rows.records import Row
from captioner.data.text_files import ending_of
from captioner.features.shelf import Entry
from captioner.features.store import read_ahead
from captioner.sources.pictures import identified, sorted_out
from captioner.sources.protocol import LACKING, Candidates, Seen
from captioner.sources.settings import CandidateSettings
from metric.example import Example, UnreadableImage
from metric.storage.ledger import report_all


@dataclass(frozen=True)
class CandidateSource:
    """A file of candidates. Raises ValueError for rows without captions."""

    file: Path
    clip: str = ""
    """the CLIP that rewards take unless they name another"""
    device: str = "auto"
    features: str = ""
    column: str = ""
    """the column that names the pictures; "" for the likeliest"""

    @property
    def settings(self) -> dict[str, Any]:
        """The file, the digest of its content, and the column that names the pictures."""
        named = {"named_by": self.column} if self.column else {}
        return {"from": str(self.file), "model": sha256(self.file.read_bytes()).hexdigest()[:12]} | named

    def decode(self) -> Decode:
        """Nothing is decoded: the defaults."""
        return Decode()

    def load(self, settings: CandidateSettings) -> CandidateCaptions:
        return CandidateCaptions(self, settings)


class CandidateCaptions:
    """The candidates by picture. With `settings.candidates` above 0, that many of each picture count, the first."""

    def __init__(self, source: CandidateSource, settings: CandidateSettings) -> None:
        self.clip, self.most = source.clip, settings.candidates or None
        self.index, _ = read_candidates(source.file, source.column)

    def see(self, blocks: Iterable[Sequence[Example]]) -> Iterator[Seen]:
        for reading in read_ahead(blocks, self.look):
            yield sorted_out(reading)

    def look(self, example: Example) -> tuple[Entry, Sequence[str]]:
        """What a picture is known by later, and its candidates. Raises UnreadableImage for one that has none."""
        found = self.index.find(*named(example).names)
        if found is None:
            raise UnreadableImage(LACKING)
        return identified(example)[0], found.references[: self.most]

    def make(self, seen: Seen) -> Candidates:
        return Candidates(seen.content)


def read_candidates(file: Path, column: str = "") -> tuple[NameIndex, list[LeftOut]]:
    """The candidates of each picture in the order of the file, and what is left out: blank ones, and equal ones.

    `column` names the pictures. Raises ValueError for a file of another kind, and for a row without a picture or
    captions.
    """
    captions: dict[str, dict[str, None]] = {}
    lost = []
    for item in candidates_of(file):
        if isinstance(item, LeftOut):
            lost.append(item)
            continue
        key, texts, reasons = named_by(item[0], column), *item[1:]
        lost += [LeftOut(key, reason, "caption") for reason in reasons]
        before = captions.setdefault(key, {})
        for text in texts:
            if fault := wordless(text) or ("it stands twice" if text in before else ""):
                lost.append(LeftOut(key, fault, "caption"))
            else:
                before[text] = None
    pictures = [NamedPicture((name,), tuple(texts)) for name, texts in captions.items() if texts]
    if not pictures:
        raise ValueError(f"{file} has no captions; expected lines {LINE}")
    return NameIndex(pictures), lost


def candidates_of(file: Path) -> Iterator[tuple[Names, list[str], list[str]] | LeftOut]:
    """The names of a picture, its captions, and why others are left out, of each row."""
    for item in rows_of(file):
        yield item if isinstance(item, LeftOut) else (names_in(item[1], item[0]), *texts_in(item[1], item[0]))


def rows_of(file: Path) -> Iterator[tuple[str, Row] | LeftOut]:
    """(place, row) of a file of JSON, JSONL, CSV, TSV or parquet."""
    if not file.is_file():
        raise ValueError(f"--from {file} is not a file; expected a file of captions, lines {LINE}")
    if ending_of(file) in TABLES:
        yield from tabled(table(file, header_of(file)))
    elif ending_of(file) == ".parquet":
        yield from tabled(parquet_files.rows(file))
    else:
        yield from records(file)


def texts_in(row: Row, place: str) -> tuple[list[str], list[str]]:
    """The captions of a row, a list of them or one, and why others are left out.

    Raises ValueError for a row without a caption.
    """
    several = next((row[name] for name in MANY if isinstance(row.get(name), list)), None)
    return captions_in(row, place) if several is None else captions_of(several, place)


def pictures_of(file: Path) -> str:
    """The pictures that a file of candidates names, as a data set without references.

    Candidates are no references of their own. Raises ValueError for a file whose pictures cannot be found by itself.
    """
    source = recognise(str(file), DATA) if file.is_file() else None
    if source is None or source.format not in ("json", "jsonl", "csv", "tsv", "parquet"):
        raise ValueError(f"--from {file} names no pictures that can be found; type --images DIR")
    return str(replace(source, options={**source.options, "references": "none"}))


def column_for(file: Path, images: str, split: str) -> str:
    """The column that names the pictures of the data; "" for the likeliest one.

    Raises ValueError for a file without captions of any picture of the data, before any work.
    """
    index, _ = read_candidates(file)
    if not rereadable(images):
        return ""
    known = NameIndex(named(item) for item in read(images, split) if isinstance(item, Example))
    rows = [names for names, *_ in (item for item in candidates_of(file) if not isinstance(item, LeftOut))]
    column = naming_column(rows, known, str(file))
    if not any(known.find(named_by(names, column)) for names in rows):
        raise ValueError(
            f"{file} has captions of none of the pictures of {images}, the first of {index.pictures[0].names[0]!r}; "
            "give the --images that were captioned"
        )
    return column if any(next(iter(names)) != column for names in rows) else ""


def report_unused(file: Path, column: str, images: str, captioned: Iterable[Example]) -> None:
    """Reports the candidates that were not used: blank and equal ones, and those of pictures not `captioned`."""
    index, lost = read_candidates(file, column)
    used = {id(found) for example in captioned if (found := index.find(*named(example).names))}
    strangers = [picture.names[0] for picture in index if id(picture) not in used]
    list(without_left_out(lost, str(file)))
    report_all(str(file), dict.fromkeys(strangers, f"{images} has no such picture"))
