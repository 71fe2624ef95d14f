"""Captions of one or several files, matched by id with the known pictures and their references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captioner.data.caption_files import share_of_ids
from captioner.data.reference_files import Known, by_name, find
from metric.example import Example

PARTIAL = "--partial scores the rest"


def matched(
    files: Mapping[str, Mapping[str, str]], known: Sequence[Known], source: str, partial: bool
) -> tuple[dict[str, dict[str, str]], list[Example], dict[str, str]]:
    """Captions of each file, their examples, and a fact on captions that are left out; all with the first file's ids.

    Unless `partial`, raises ValueError for a caption whose picture is not in `source`, and for a known picture without
    a caption. With `partial` the fact has the numbers.
    """
    index = by_name(known)
    first, *_ = files
    where = f"no references in {source}" if source else f"no counterpart in {first}"
    names_of = {title: by_picture(title, each, index, where, partial) for title, each in files.items()}
    for title, names in names_of.items():
        without = [each.names[0] for each in known if each.names[0] not in names]
        if without and not partial:
            raise ValueError(
                f"{title} has no captions for {share_of_ids(without, len(known))} of the references; {PARTIAL}"
            )
    pictures = {each.names[0]: each for each in known}
    common = [picture for picture in names_of[first] if all(picture in names for names in names_of.values())]
    if not common:
        raise ValueError(f"no picture has captions in all of {', '.join(files)}")
    spelt = {picture: names_of[first][picture] for picture in common}
    captions = {title: {spelt[each]: files[title][names[each]] for each in common} for title, names in names_of.items()}
    examples = [Example(spelt[each], pictures[each].image, pictures[each].references) for each in common]
    return captions, examples, left_aside(files, known, len(common))


def by_picture(
    title: str, captions: Mapping[str, str], index: Mapping[str, Known], where: str, partial: bool
) -> dict[str, str]:
    """Id of a known picture -> its id in this file. Raises ValueError for two captions of one picture."""
    own_ids = {name: picture.names[0] for name in captions if (picture := find(name, index))}
    lost = [name for name in captions if name not in own_ids]
    if lost and not (partial and own_ids):
        looks = next(iter(index.values())).names[0]
        raise ValueError(
            f"{title}: {share_of_ids(lost, len(captions))} have {where}, where ids look like {looks!r}"
            + (f"; {PARTIAL}" if own_ids else "")
        )
    names: dict[str, str] = {}
    for name, own_id in own_ids.items():
        if names.setdefault(own_id, name) != name:
            raise ValueError(f"{title}: {names[own_id]!r} and {name!r} are the same picture")
    return names


def left_aside(files: Mapping[str, Mapping[str, str]], known: Sequence[Known], scored: int) -> dict[str, str]:
    """A fact with the numbers of captions of each file, and of pictures, that were not scored; empty when all were."""
    sizes = {f"captions of {title}": len(captions) for title, captions in files.items()}
    sizes["known pictures"] = len(known)
    unscored = [f"{size - scored:,} of {size:,} {what}" for what, size in sizes.items() if size > scored]
    return {"partial": f"not scored (--partial): {', '.join(unscored)}"} if unscored else {}
