"""Captions of one or several files, matched by id with the known pictures and their references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captioner.data.caption_files import share_of_ids
from captioner.data.name_index import NamedPicture, NameIndex
from captioner.data.reference_files import by_name, find
from metric.example import Example
from metric.storage.ledger import Ledger, record

PARTIAL = "type --partial to score the rest"


def matched(
    files: Mapping[str, Mapping[str, str]], entries: Sequence[NamedPicture], source: str, partial: bool
) -> tuple[dict[str, dict[str, str]], list[Example], dict[str, str]]:
    """Captions of each file, their examples, and a fact on captions that are left out, under the first file's ids.

    Without `partial`, raises ValueError for a caption whose picture is not in `source`, and for a picture of `entries`
    without a caption. With `partial`, the fact has the numbers of both.
    """
    index = by_name(entries)
    first, *_ = files
    fault = f"no references in {source}" if source else f"no counterpart in {first}"
    ids_by_file = {title: by_picture(title, captions, index, fault, partial) for title, captions in files.items()}
    for title, names in ids_by_file.items():
        without = [entry.names[0] for entry in entries if entry.names[0] not in names]
        if without and not partial:
            raise ValueError(
                f"{title} has no captions for {share_of_ids(without, len(entries))} of the references; {PARTIAL}"
            )
    pictures = {entry.names[0]: entry for entry in entries}
    common = [picture for picture in ids_by_file[first] if all(picture in names for names in ids_by_file.values())]
    if not common:
        raise ValueError(f"no picture has captions in all of {', '.join(files)}; give files of one data set")
    spelt = {picture: ids_by_file[first][picture] for picture in common}
    captions = {title: {spelt[id]: files[title][names[id]] for id in common} for title, names in ids_by_file.items()}
    examples = [Example(spelt[id], pictures[id].image, pictures[id].references) for id in common]
    record_left_aside(files, ids_by_file, entries, common)
    return captions, examples, left_aside(files, entries, len(common))


def record_left_aside(
    files: Mapping[str, Mapping[str, str]],
    ids_by_file: Mapping[str, Mapping[str, str]],
    entries: Sequence[NamedPicture],
    common: Sequence[str],
) -> None:
    """Adds what is not scored to the ledger. The fact of `left_aside` is the line that is printed."""
    found, scored = Ledger(), {*common}
    for title, names in ids_by_file.items():
        used = {name for picture, name in names.items() if picture in scored}
        for name in files[title]:
            if name not in used:
                found.add(title, "caption", name, "its picture is not known, or lacks a caption in another file")
    for entry in entries:
        if entry.names[0] not in scored:
            found.add("references", "picture", entry.names[0], "it has no caption in all files")
    record(found)


def by_picture(title: str, captions: Mapping[str, str], index: NameIndex, fault: str, partial: bool) -> dict[str, str]:
    """Id of a picture in `index` -> its id in this file. Raises ValueError for two captions of one picture."""
    own_ids = {name: picture.names[0] for name in captions if (picture := find(name, index))}
    lost = [name for name in captions if name not in own_ids]
    if lost and not (partial and own_ids):
        looks = index.pictures[0].names[0]
        raise ValueError(
            f"{title}: {share_of_ids(lost, len(captions))} have {fault}, where ids look like {looks!r}"
            + (f"; {PARTIAL}" if own_ids else "")
        )
    names: dict[str, str] = {}
    for name, own_id in own_ids.items():
        if names.setdefault(own_id, name) != name:
            raise ValueError(f"{title}: {names[own_id]!r} and {name!r} are one picture; give it one caption")
    return names


def left_aside(files: Mapping[str, Mapping[str, str]], entries: Sequence[NamedPicture], scored: int) -> dict[str, str]:
    """A fact with the numbers of captions and of pictures that were not scored. Empty when all were scored."""
    sizes = {f"captions of {title}": len(captions) for title, captions in files.items()}
    sizes["known pictures"] = len(entries)
    unscored = [f"{size - scored:,} of {size:,} {kind}" for kind, size in sizes.items() if size > scored]
    return {"partial": f"not scored (--partial): {', '.join(unscored)}"} if unscored else {}
