"""Pictures by every spelling of their names: with and without ending and folders, and by number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from captioner.data import picture_lookup
from captioner.data.adapters.folders import SUFFIXES, is_picture
from captioner.data.rows.ids import number_of
from metric.example import Example, Picture


@dataclass(frozen=True)
class NamedPicture:
    """A picture with its references and its names, such as a file name and COCO's number. The first is its id."""

    names: tuple[str, ...]
    references: tuple[str, ...] = ()
    image: Path | Picture = Path()


def without_ending(name: str) -> str:
    """`a/b.jpg` -> `a/b`. Only endings of picture files count: `no. 12` stays."""
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def plain(name: str) -> str:
    r"""A name as pictures are looked up by it, without ending: `.\Sub\1.JPG` -> `sub/1`."""
    return without_ending(picture_lookup.plain(name))


def last_part(name: str) -> str:
    return plain(name).rpartition("/")[2]


def number(name: str) -> str:
    """The number in a name, as `000000000001.jpg` and `COCO_val2014_000000000001` have 1; "" for another name."""
    return number_of(PurePosixPath(without_ending(name.replace("\\", "/"))).name)


# Spellings by which two names may agree, the strictest first. "" agrees with nothing.
SPELLINGS: tuple[Callable[[str], str], ...] = (str, without_ending, plain, last_part, number)


class NameIndex:
    """Finds a picture by a name. A spelling that several pictures have finds none of them."""

    def __init__(self, entries: Iterable[NamedPicture]) -> None:
        self.pictures = list(entries)
        names = [(name, picture) for picture in self.pictures for name in picture.names]
        self.spelt = [spelt(names, spelling) for spelling in SPELLINGS]

    def __iter__(self) -> Iterator[NamedPicture]:
        return iter(self.pictures)

    def find(self, *names: str) -> NamedPicture | None:
        """The picture that has one of the names. A stricter spelling of any name comes before others of the first."""
        for spelling, pictures in zip(SPELLINGS, self.spelt):
            for name in names:
                found = pictures.get(spelling(name), [])
                if len({id(picture) for _, picture in found}) == 1 and fits(name, found[0][0]):
                    return found[0][1]
        return None


def spelt(
    names: Iterable[tuple[str, NamedPicture]], spelling: Callable[[str], str]
) -> dict[str, list[tuple[str, NamedPicture]]]:
    """Spelling -> the names with that spelling and their pictures."""
    index: dict[str, list[tuple[str, NamedPicture]]] = {}
    for name, picture in names:
        if key := spelling(name):
            index.setdefault(key, []).append((name, picture))
    return index


def fits(one: str, other: str) -> bool:
    """Whether the folders of two names allow that both mean one picture: `1.jpg` and `a/1.jpg`, not `b/1` and `a/1`."""
    folders = [plain(name).rpartition("/")[0] for name in (one, other)]
    return f"/{folders[0]}".endswith(f"/{folders[1]}") or f"/{folders[1]}".endswith(f"/{folders[0]}") or "" in folders


def named(example: Example) -> NamedPicture:
    """The picture of an example, named by its id, and by its file where the id is another name."""
    file = PurePosixPath(str(example.image)).name
    other = file if is_picture(file) and last_part(file) != last_part(example.id) else ""
    return NamedPicture((example.id, *([other] if other else [])), example.references, example.image)


def with_images(entries: Iterable[NamedPicture], images: NameIndex) -> list[NamedPicture]:
    """The entries with the image that has one of their names. An entry without an image has an empty path."""
    pairs = ((entry, images.find(*entry.names)) for entry in entries)
    return [replace(entry, image=picture.image if picture else Path()) for entry, picture in pairs]
