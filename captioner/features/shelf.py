"""Where features are kept: in memory, or in a folder that any number of processes fill at once, without locks.

    features.json              which CLIP's they are
    shards/HASH.safetensors    `features`, fp16 `n p f`; in its metadata the digests of the n pictures
    seen/HASH.jsonl            [id, state of the file, digest of the picture] of each example that was looked at

A file is put in its place whole and is called by what it holds: who is killed loses the shard in work, and two who do
the same work write the same file. By `seen` a picture is known without being read, or being there at all.
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

OWNER, SHARDS, SEEN = "features.json", "shards", "seen"


@dataclass(frozen=True)
class Seen:
    """An example that was looked at: `state` is that of its file, "" when that is gone; `key` is its features'."""

    id: str
    state: str
    key: str


class Shelf(Protocol):
    def identify(self, example: Example) -> Seen: ...  # raises UnreadableImage

    def at_hand(self, example: Example) -> bool: ...  # whether there is nothing to compute, told without reading it

    def __contains__(self, key: str) -> bool: ...  # whether features of that key need not be computed

    def add(self, seen: Sequence[Seen], features: Mapping[str, np.ndarray]) -> None: ...  # `p f` by key, fp16

    def rows(self, keys: Sequence[str]) -> np.ndarray: ...  # `n p f` fp16


class MemoryShelf:
    """Pictures are known by the state of their files; nothing is read for that."""

    def __init__(self) -> None:
        self.features: dict[str, np.ndarray] = {}

    def identify(self, example: Example) -> Seen:
        state = state_of(example)
        return Seen(example.id, state, state)

    def at_hand(self, example: Example) -> bool:
        return False

    def __contains__(self, key: str) -> bool:
        return key in self.features

    def add(self, seen: Sequence[Seen], features: Mapping[str, np.ndarray]) -> None:
        self.features |= features

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        return np.stack([self.features[key] for key in keys])


class DiskShelf:
    """Pictures are known by content: their file is read once, and not again while its place, size and time stay."""

    def __init__(self, folder: Path, clip: Clip) -> None:
        self.folder = folder
        own(folder, clip)
        self.places = {key: (path, row) for path in shards_of(folder) for row, key in enumerate(keys_of(path))}
        self.written: set[Path] = set()
        self.states: dict[str, str] = {}
        self.ids: dict[str, set[str]] = {}
        for seen in seen_in(folder):
            self.note(seen)

    def note(self, seen: Seen) -> None:
        self.states[seen.state] = seen.key
        self.ids.setdefault(seen.id, set()).add(seen.key)

    def identify(self, example: Example) -> Seen:
        try:
            state = state_of(example)
        except UnreadableImage:
            if example.id not in self.ids:
                raise
            return Seen(example.id, "", self.only(example))
        return Seen(example.id, state, self.states.get(state) or digest(example))

    def only(self, example: Example) -> str:
        """The key of the one picture of that id."""
        keys = self.ids[example.id]
        if len(keys) > 1:
            raise UnreadableImage(f"{example.image}: it is gone, and {self.folder} has several pictures of its id")
        return next(iter(keys))

    def at_hand(self, example: Example) -> bool:
        """A file that is gone is known by its id or skipped."""
        try:
            return self.states.get(state_of(example)) in self.places
        except UnreadableImage:
            return True

    def __contains__(self, key: str) -> bool:
        """Those that were there before: a picture that comes twice is in two shards, whoever makes the other."""
        return key in self.places and self.places[key][0] not in self.written

    def add(self, seen: Sequence[Seen], features: Mapping[str, np.ndarray]) -> None:
        if features:
            path = self.write(features)
            self.places |= {key: (path, row) for row, key in enumerate(features)}
        new = [each for each in seen if each.state and not self.noted(each)]
        if new:
            lines = "".join(json.dumps([each.id, each.state, each.key]) + "\n" for each in new).encode()
            write_bytes(self.folder / SEEN / f"{sha256(lines).hexdigest()[:32]}.jsonl", lines)
        for each in new:
            self.note(each)

    def noted(self, seen: Seen) -> bool:
        return self.states.get(seen.state) == seen.key and seen.key in self.ids.get(seen.id, ())

    def write(self, features: Mapping[str, np.ndarray]) -> Path:
        keys = json.dumps([*features])
        path = self.folder / SHARDS / f"{sha256(keys.encode()).hexdigest()[:32]}.safetensors"
        if not path.is_file():
            write_bytes(path, save({"features": np.stack([*features.values()])}, {"keys": keys}))
        self.written.add(path)
        return path

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Only these are read, of shards that are mapped."""
        places = [self.places[key] for key in keys]
        return np.concatenate([opened(path).get_slice("features")[row : row + 1] for path, row in places])


def state_of(example: Example) -> str:
    try:
        return image_key(example.image)
    except OSError as error:
        raise UnreadableImage(f"{example.image}: {reason(error)}") from error


def digest(example: Example) -> str:
    try:
        return content_key(example.image)
    except OSError as error:
        raise UnreadableImage(f"{example.image}: {reason(error)}") from error


def own(folder: Path, clip: Clip) -> None:
    """The folder is this CLIP's, from now on or since long; another's is refused."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; features are kept in a folder")
    path = folder / OWNER
    if not path.is_file():
        write_bytes(path, json.dumps({"clip": clip.name, "fingerprint": clip.fingerprint}).encode() + b"\n")
    owner = json.loads(path.read_text(encoding="utf-8"))
    if owner["fingerprint"] != clip.fingerprint:
        raise ValueError(
            f"{folder} holds features of the CLIP {owner['clip']} ({owner['fingerprint']}), "
            f"not of {clip.name} ({clip.fingerprint}): give another folder, or delete this one"
        )


def begun(folder: Path, clip: Clip) -> DiskShelf:
    """One that is there; for those who only read."""
    if not (folder / OWNER).is_file():
        raise ValueError(f"{folder} holds no features; type captioner features INPUT --clip {clip.name} --out {folder}")
    return DiskShelf(folder, clip)


def shards_of(folder: Path) -> list[Path]:
    return sorted((folder / SHARDS).glob("*.safetensors"))


def keys_of(shard: Path) -> list[str]:
    return json.loads(opened(shard).metadata()["keys"])


@lru_cache(maxsize=4096)
def opened(shard: Path) -> Any:
    """Mapped; its file is not kept open."""
    try:
        return safe_open(shard, "numpy")
    except SafetensorError as error:
        raise ValueError(f"{shard} is no whole shard ({error}); delete it, and its features are made again") from None


def seen_in(folder: Path) -> Iterator[Seen]:
    for path in sorted((folder / SEEN).glob("*.jsonl")):
        yield from (Seen(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def ids_in(folder: Path | None) -> frozenset[str]:
    """Of the examples whose features are there, whatever became of their pictures."""
    return frozenset(() if folder is None else (seen.id for seen in seen_in(folder)))
