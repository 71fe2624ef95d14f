"""Shelves keep features: in memory, or in a folder that several processes fill at once without locks.

    features.json              name and fingerprint of the CLIP
    shards/HASH.safetensors    `features`, fp16 `n p f`, with the digests of the n pictures in the metadata
    seen/HASH.jsonl            [id, state of the file, digest of the picture] of each example

A file appears whole, and its name is the digest of its content. A kill costs the shard in work. Two processes that do
the same work write the same file. The lines in seen/ identify a picture without reading it, even after it was deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from metric.clip.model import Clip
from metric.example import Example, UnreadableImage, content_key, image_key
from metric.images import reason
from metric.storage.atomic_files import write_bytes
from metric.storage.text_lines import text_lines

OWNER, SHARDS, SEEN = "features.json", "shards", "seen"


@dataclass(frozen=True)
class Entry:
    """An example on a shelf. `key` names its features. `state` is the file's state, or empty for a deleted file."""

    id: str
    state: str
    key: str


class Shelf(Protocol):
    """The methods that a store of features must have, and the ids of lost pictures that were known by id alone."""

    by_id: set[str]

    def identify(self, example: Example) -> Entry: ...  # raises UnreadableImage

    def at_hand(self, example: Example) -> bool: ...  # whether nothing is to compute, without reading the picture

    def __contains__(self, key: str) -> bool: ...  # whether features of that key exist

    def add(self, entries: Sequence[Entry], features: Mapping[str, np.ndarray]) -> None: ...  # `p f` by key, fp16

    def rows(self, keys: Sequence[str]) -> np.ndarray: ...  # `n p f` fp16


class MemoryShelf:
    """Features in memory. The key of a picture is the state of its file, so no picture is read for its key."""

    def __init__(self) -> None:
        self.features: dict[str, np.ndarray] = {}
        self.by_id: set[str] = set()

    def identify(self, example: Example) -> Entry:
        state = state_of(example)
        return Entry(example.id, state, state)

    def at_hand(self, example: Example) -> bool:
        return False

    def __contains__(self, key: str) -> bool:
        return key in self.features

    def add(self, entries: Sequence[Entry], features: Mapping[str, np.ndarray]) -> None:
        self.features |= features

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        return np.stack([self.features[key] for key in keys])


class ContentShelf(MemoryShelf):
    """Features in memory. The key of a picture is the digest of its content."""

    def identify(self, example: Example) -> Entry:
        return Entry(example.id, state_of(example), digest(example))


class DiskShelf:
    """Features in a folder. The key of a picture is the digest of its content.

    A file is read once, and again only after its place, size or time has changed. A picture whose file is gone is known
    by the place where it was, else by its id. Raises ValueError when the folder belongs to another CLIP.
    """

    def __init__(self, folder: Path, clip: Clip) -> None:
        self.folder = folder
        claim(folder, clip)
        self.places = {key: (path, row) for path in shards_of(folder) for row, key in enumerate(keys_of(path))}
        self.written: set[Path] = set()
        self.states: dict[str, str] = {}
        self.ids: dict[str, set[str]] = {}
        self.at: dict[str, set[str]] = {}
        self.by_id: set[str] = set()
        for entry in entries_in(folder):
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Remembers an example."""
        self.states[entry.state] = entry.key
        self.ids.setdefault(entry.id, set()).add(entry.key)
        self.at.setdefault(place_of(entry.state), set()).add(entry.key)

    def identify(self, example: Example) -> Entry:
        """The key of an example. Raises UnreadableImage for a lost picture that the folder cannot identify."""
        try:
            state = state_of(example)
        except UnreadableImage:
            if (there := str(Path(str(example.image)).resolve())) in self.at:
                return Entry(example.id, "", self.only(example, self.at[there], "place"))
            if example.id not in self.ids:
                raise
            key = self.only(example, self.ids[example.id], "id")
            self.by_id.add(example.id)
            return Entry(example.id, "", key)
        return Entry(example.id, state, self.states.get(state) or digest(example))

    def only(self, example: Example, keys: set[str], what: str) -> str:
        """The only one of the keys of the example's id or place. Raises UnreadableImage when there are several."""
        if len(keys) > 1:
            raise UnreadableImage(
                f"{example.image}: the file is gone, and {self.folder} has several pictures of its {what}"
            )
        return next(iter(keys))

    def at_hand(self, example: Example) -> bool:
        """Whether nothing is to compute. A lost file counts as at hand, since it is identified by id or skipped."""
        try:
            return self.states.get(state_of(example)) in self.places
        except UnreadableImage:
            return True

    def __contains__(self, key: str) -> bool:
        """Whether an earlier process has computed the features.

        Shards of this process do not count. So a picture that occurs twice is in two shards, whichever process makes
        them.
        """
        return key in self.places and self.places[key][0] not in self.written

    def add(self, entries: Sequence[Entry], features: Mapping[str, np.ndarray]) -> None:
        """Writes new features as a shard, and new examples as lines of seen/."""
        if features:
            path = self.write(features)
            self.places |= {key: (path, row) for row, key in enumerate(features)}
        new = [example for example in entries if example.state and not self.noted(example)]
        if new:
            lines = "".join(json.dumps([item.id, item.state, item.key]) + "\n" for item in new).encode()
            write_bytes(self.folder / SEEN / f"{sha256(lines).hexdigest()[:32]}.jsonl", lines)
        for example in new:
            self.note(example)

    def noted(self, entry: Entry) -> bool:
        """Whether the folder has this example in this state."""
        return self.states.get(entry.state) == entry.key and entry.key in self.ids.get(entry.id, ())

    def write(self, features: Mapping[str, np.ndarray]) -> Path:
        """Writes a shard, unless another process has written the same one. Returns its path."""
        keys = json.dumps([*features])
        path = self.folder / SHARDS / f"{sha256(keys.encode()).hexdigest()[:32]}.safetensors"
        if not path.is_file():
            write_bytes(path, save({"features": np.stack([*features.values()])}, {"keys": keys}))
        self.written.add(path)
        return path

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Reads the features of `keys`, `n p f`, from memory-mapped shards."""
        places = [self.places[key] for key in keys]
        return np.concatenate([opened(path).get_slice("features")[row : row + 1] for path, row in places])


def state_of(example: Example) -> str:
    """Place, size and time of the picture's file, as one string. Raises UnreadableImage."""
    try:
        return image_key(example.image)
    except OSError as error:
        raise UnreadableImage(f"{example.image}: {reason(error)}") from error


def place_of(state: str) -> str:
    """The path of the file that had a state, as far as a state is that of a file."""
    return state.rsplit("|", 2)[0]


def digest(example: Example) -> str:
    """The digest of the picture's content. Raises UnreadableImage."""
    try:
        return content_key(example.image)
    except OSError as error:
        raise UnreadableImage(f"{example.image}: {reason(error)}") from error


def is_same(example: Example, state: str, key: str) -> bool:
    """Whether an example has the picture that had this state and this digest. A lost picture cannot tell otherwise."""
    try:
        return state_of(example) == state or digest(example) == key
    except UnreadableImage:
        return True


def claim(folder: Path, clip: Clip) -> None:
    """Assigns a new folder to the CLIP. Raises ValueError when the folder belongs to another CLIP."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; expected a folder of features, type --out DIR")
    path = folder / OWNER
    if not path.is_file():
        write_bytes(path, json.dumps({"clip": clip.name, "fingerprint": clip.fingerprint}).encode() + b"\n")
    owner = json.loads(path.read_text(encoding="utf-8"))
    if owner["fingerprint"] != clip.fingerprint:
        raise ValueError(
            f"{folder} holds features of the CLIP {owner['clip']} ({owner['fingerprint']}), "
            f"not of {clip.name} ({clip.fingerprint}); give another folder, or delete this one"
        )


def begun(folder: Path, clip: Clip) -> DiskShelf:
    """Opens an existing folder of features. Raises ValueError when there is none."""
    if not (folder / OWNER).is_file():
        raise ValueError(f"{folder} holds no features; type captioner features INPUT --clip {clip.name} --out {folder}")
    return DiskShelf(folder, clip)


def shards_of(folder: Path) -> list[Path]:
    """The shards of a folder, sorted by name."""
    return sorted((folder / SHARDS).glob("*.safetensors"))


def keys_of(shard: Path) -> list[str]:
    """The keys of the pictures in a shard, in the order of its rows."""
    return json.loads(opened(shard).metadata()["keys"])


@lru_cache(maxsize=4096)
def opened(shard: Path) -> Any:
    """A memory-mapped shard. Its file is not kept open. Raises ValueError for a damaged shard."""
    try:
        return safe_open(shard, "numpy")
    except SafetensorError as error:
        raise ValueError(f"{shard} is damaged ({error}); delete the file, and run the command again") from None


def entries_in(folder: Path) -> Iterator[Entry]:
    """All examples that the folder has seen."""
    for path in sorted((folder / SEEN).glob("*.jsonl")):
        yield from (Entry(*json.loads(line)) for line in text_lines(path.read_text(encoding="utf-8")))


def ids_in(folder: Path | None) -> frozenset[str]:
    """The ids of the examples whose features the folder has. Their pictures may be gone."""
    return frozenset(() if folder is None else (entry.id for entry in entries_in(folder)))
