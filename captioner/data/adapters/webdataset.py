"""webdataset shards: tars in which the files of one picture share a name, `7.jpg 7.txt` or `7.jpg 7.json`.

Shards on the disk are indexed, and a picture is read when it is used. The order of their files does not matter. Other
shards (`pipe:`, http, s3 and further kinds of webdataset) stream: one sample at a time is in memory, so the files of a
sample must be neighbours, and the Example holds the picture's bytes.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from captioner.data.adapters.shard_samples import Files, examples, grouped, neighbours, record_of
from captioner.data.archives import listed
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut, Read
from captioner.data.picture_files import is_hidden
from captioner.data.rows.records import tidy
from captioner.data.splits import SPLIT, canonical, in_order, same, split_in
from metric.images import InMemory

IDS = ("names", "shards")
SHARD = re.compile(r"[.](tar|tar[.]gz|tgz)$", re.IGNORECASE)  # endings of the shards of a folder
TAR = re.compile(r"[.](tar([.]\w+)?|t[gbx]z2?)$", re.IGNORECASE)


def webdataset(split: str, shards: str, references: str = "", ids: str = "names") -> Read:
    """`shards` is a pattern such as `cc-{00000..00331}.tar`, `pipe:curl -s https://.../{00..31}.tar`, or a folder.

    `{split}` in a pattern stands for the split. In a folder, shards whose names have another split, and those in
    subfolders, are not read. Captions are the references in `.json`, which may also have `id` and `split`, else the
    lines of `.txt` or `.caption`. `ids=shards` puts the name of the shard before each id, for shards that all begin at
    key 0.
    """
    for url in urls(shards, split):
        yield from shard(url, split, references, ids)
    yield from unread(shards, split)


def webdataset_splits(shards: str, **_: Any) -> list[str]:
    if Path(shards).is_dir():
        named = in_order({split_in(path.name) for path in shards_in(Path(shards))} - {""})
        return named or splits_in_records(urls(shards, ""))
    if SPLIT in shards:
        return [split for split in ("train", "val", "test") if any(Path(url).is_file() for url in urls(shards, split))]
    return splits_in_records(urls(shards, ""))


def splits_in_records(urls: Iterable[str]) -> list[str]:
    """The splits that the `.json` files of shards on the disk name; none if the first file names no split."""
    names: set[str] = set()
    for path in filter(None, map(local, urls)):
        for item in grouped(listed(path)[0].items()):
            split = record_of(item[1]).get("split") if isinstance(item, tuple) else None
            if not (split or names):
                return []
            names.update([canonical(split)] if isinstance(split, str) else [])
    return in_order(names)


def urls(shards: str, split: str) -> list[str]:
    """The shards of a split, in order."""
    if Path(shards).is_dir():
        urls_of_split = [str(path) for path in shards_in(Path(shards)) if may_have(path.name, split)]
    else:
        typed = opener().shardlists.expand_urls(shards.replace(SPLIT, split))
        urls_of_split = [url for pattern in typed for url in matching(pattern)]
    if not urls_of_split:
        raise ValueError(f"{shards} has no shard of the split {split!r}")
    return urls_of_split


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder, in order, without those in its subfolders."""
    return sorted(path for path in folder.iterdir() if SHARD.search(path.name) and is_own(path))


def is_own(path: Path) -> bool:
    return not (is_hidden(path.name) or path.is_dir())


def may_have(name: str, split: str) -> bool:
    """Whether a shard of this name may have pictures of a split: the name has this split, or none."""
    return same(split_in(name) or split, split)


def unread(shards: str, split: str) -> list[LeftOut]:
    """The shards of a split in the subfolders of a folder, and those that are packed in another way."""
    if not Path(shards).is_dir():
        return []
    names = [name for name in tree(Path(shards))[0] if TAR.search(name) and may_have(name, split)]
    read = {path.name for path in shards_in(Path(shards))}
    return [LeftOut(name, why_unread(name), "shard") for name in names if not (name in read or is_hidden(name))]


def why_unread(name: str) -> str:
    if "/" in name:
        return "a shard in a subfolder is not read; give its own path"
    return f"shards that end in {Path(name).suffix} are not read; pack it as .tar or .tar.gz"


def matching(url: str) -> list[str]:
    """The files that a pattern such as `cc-*.tar` matches; any other shard as it is. Raises ValueError for no file."""
    if re.search(r"pipe:|://", url) or not has_magic(url) or Path(url).exists():
        return [url]
    found = sorted(glob(str(Path(url).expanduser()), recursive=True))
    if not found:
        raise ValueError(f"no file matches {url}")
    return found


def opener() -> Any:
    try:
        import webdataset
    except ImportError:
        raise ValueError("shards need the package webdataset; type pip install 'captioner[hub]'") from None
    return webdataset


def shard(url: str, split: str, references: str = "", ids: str = "names") -> Read:
    """The examples of one shard. A shard that breaks off gives the examples before the break, then a LeftOut."""
    if ids not in IDS:
        raise ValueError(f"webdataset:ids must be one of {', '.join(IDS)}, got {ids!r}")
    before = f"{stem_of(url)}/" if ids == "shards" else ""
    for item in samples(url):
        yield from [item] if isinstance(item, LeftOut) else examples(*item, split, references, url, before)


def samples(url: str) -> Iterator[tuple[str, Files] | LeftOut]:
    """Key and files of each sample of a shard, and what is left out."""
    path = local(url)
    try:
        if path:
            files, left_out = listed(path)
            yield from grouped(files.items())
            yield from left_out
        else:
            yield from neighbours(streamed(url), url)
    except ValueError as error:
        yield LeftOut(url, str(error), "shard")
    except (tarfile.TarError, OSError) as error:
        yield LeftOut(url, reason(error), "shard")


def stem_of(url: str) -> str:
    """`https://x.example/cc-00001.tar` -> `cc-00001`."""
    return SHARD.sub("", url.rsplit("/", 1)[-1])


def reason(error: Exception) -> str:
    """The reason of an error. For a failed command: its exit code, without webdataset's long list of arguments."""
    code = re.search(r"exit -?\d+", str(error))
    if code:
        return f"its command failed, {code[0]}"
    return error.strerror if isinstance(error, OSError) and error.strerror else f"{error}"


def local(url: str) -> Path | None:
    """The path of an uncompressed tar on the disk; None for a shard that streams."""
    path = Path(url.removeprefix("file:")).expanduser()
    return path if path.suffix.lower() == ".tar" and path.is_file() else None


def streamed(url: str) -> Iterator[InMemory | LeftOut]:
    with opener().gopen(url) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
        for entry in tar:
            if entry.isreg() and (content := tar.extractfile(entry)):
                yield InMemory(tidy(entry.name), content.read(), url)
            elif entry.islnk() or entry.issym():
                yield LeftOut(tidy(entry.name), f"{url} has links, which a stream cannot follow; pack files", "file")
            tar.members = []  # type: ignore[attr-defined]  # else the tar would keep every member in memory
