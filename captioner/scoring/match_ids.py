"""Captions of one file or several and what is known of their pictures, brought together by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captioner.data.caption_files import share_of_ids
from captioner.data.reference_files import Known, by_name, find
from metric.example import Example

PARTIAL = "--partial scores the rest"


def matched(
    files: Mapping[str, Mapping[str, str]], known: Sequence[Known], source: str, partial: bool
) -> tuple[dict[str, dict[str, str]], list[Example], dict[str, str]]:
    """Captions of each file, and the examples that they are of, all with the ids of the first file.

    ValueError for a caption whose picture `source` does not know and for a known picture without caption, unless
    `partial`; the dictionary then says how many were left aside.
    """
    index = by_name(known)
    first, *_ = files
    where = f"no references in {source}" if source else f"no counterpart in {first}"
    found = {title: by_picture(title, each, index, where, partial) for title, each in files.items()}
    for title, names in found.items():
        without = [each.names[0] for each in known if each.names[0] not in names]
        if without and not partial:
            raise ValueError(
                f"{title} has no captions for {share_of_ids(without, len(known))} of the references; {PARTIAL}"
            )
    pictures = {each.names[0]: each for each in known}
    common = [picture for picture in found[first] if all(picture in names for names in found.values())]
    if not common:
        raise ValueError(f"no picture has captions in all of {', '.join(files)}")
    spelt = {picture: found[first][picture] for picture in common}
    captions = {title: {spelt[each]: files[title][names[each]] for each in common} for title, names in found.items()}
    examples = [Example(spelt[each], pictures[each].image, pictures[each].references) for each in common]
    return captions, examples, left_aside(files, known, len(common))


def by_picture(
    title: str, captions: Mapping[str, str], index: Mapping[str, Known], where: str, partial: bool
) -> dict[str, str]:
    """Each known picture's own id -> the id that this file has for it."""
    known = {name: picture.names[0] for name in captions if (picture := find(name, index))}
    lost = [name for name in captions if name not in known]
    if lost and not (partial and known):
        looks = next(iter(index.values())).names[0]
        raise ValueError(
            f"{title}: {share_of_ids(lost, len(captions))} have {where}, where ids look like {looks!r}"
            + (f"; {PARTIAL}" if known else "")
        )
    found: dict[str, str] = {}
    for name, of in known.items():
        if found.setdefault(of, name) != name:
            raise ValueError(f"{title}: {found[of]!r} and {name!r} are the same picture")
    return found


def left_aside(files: Mapping[str, Mapping[str, str]], known: Sequence[Known], scored: int) -> dict[str, str]:
    """How many captions of each file, and pictures, were not scored; nothing when all were."""
    sizes = {**{f"captions of {title}": len(each) for title, each in files.items()}, "known pictures": len(known)}
    aside = [f"{size - scored:,} of {size:,} {what}" for what, size in sizes.items() if size > scored]
    return {"partial": f"left aside are {', '.join(aside)}"} if aside else {}
