"""CHAIR: objects that a caption names and the picture does not show (arXiv 1809.02156).

Each naming of a COCO object counts, by any of its synonyms, which `assets/chair` holds. What a picture shows is
told by its instance annotations together with its reference captions. Of a drawn scene it is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from metric.example import Example
from metric.scores.bleu_rouge import Tokens
from metric.scores.ptb_tokenizer import tokenize

ASSET = Path(__file__).parents[1] / "assets" / "chair" / "objects.json"
LONGEST = 3  # words of a name: "stove top oven"
IRREGULAR = {"child": "children", "goose": "geese", "mouse": "mice", "ox": "oxen", "person": "people", "calf": "calves"}
IRREGULAR |= {"knife": "knives", "pocketknife": "pocketknives", "thief": "thieves", "grandchild": "grandchildren"}


class Named(NamedTuple):
    """Objects that a caption names, and how many of them are not there."""

    false: int
    all: int


def chair_i(each: Sequence[Named]) -> float:
    """Share of the objects named that are not there, 0 to 1; 0 when none is named."""
    return sum(named.false for named in each) / max(1, sum(named.all for named in each))


def chair_s(each: Sequence[Named]) -> float:
    """Share of the captions that name one that is not there, 0 to 1."""
    return sum(named.false > 0 for named in each) / max(1, len(each))


def count(mentioned: Iterable[str], present: Collection[str]) -> Named:
    mentioned = list(mentioned)
    return Named(sum(name not in present for name in mentioned), len(mentioned))


def in_photographs(
    captions: Sequence[str], examples: Sequence[Example], shown: Mapping[str, Collection[str]]
) -> list[Named]:
    """What each caption names of COCO's objects. `shown` is what `read_instances` read."""
    each = []
    for caption, example in zip(captions, examples):
        told = [name for reference in example.references for name in mentions(tokenize(reference))]
        each.append(count(mentions(tokenize(caption)), {*shown[image_id(example.id, shown)], *told}))
    return each


def in_scenes(captions: Sequence[str], examples: Sequence[Example]) -> list[Named]:
    """What each caption names of the kinds of things that scenes have."""
    from metric.scenes.truth import kinds
    from metric.scenes.world import Scene

    scenes = [example.image for example in examples if isinstance(example.image, Scene)]
    return [count(kinds(text), {thing.kind for thing in scene.things}) for text, scene in zip(captions, scenes)]


def mentions(tokens: Tokens) -> list[str]:
    """The COCO object of each name in a caption, in order; the longest name counts: a hot dog is no dog."""
    names, found, at = vocabulary(), [], 0
    words = [word for word in tokens if word != "seat"] if "toilet" in tokens or "toilets" in tokens else tokens
    while at < len(words):
        sizes = range(min(LONGEST, len(words) - at), 0, -1)
        size = next((size for size in sizes if " ".join(words[at : at + size]) in names), 0)
        found += [names[" ".join(words[at : at + size])]] if size else []
        at += size or 1
    return [name for name in found if name]


@cache
def vocabulary() -> dict[str, str]:
    """Every name in singular and plural -> its COCO object, "" for a phrase that names none ("baby animal")."""
    content = json.loads(ASSET.read_text(encoding="utf-8"))
    objects = {word: name for name, words in content["objects"].items() for word in (name, *words)}
    objects |= {phrase: objects.get(word, "") for phrase, word in content["read_as"].items()}
    return {plural(word): name for word, name in objects.items()} | objects


def plural(name: str) -> str:
    """`hot dog` -> `hot dogs`."""
    before, space, word = name.rpartition(" ")
    return before + space + plural_of_word(word)


def plural_of_word(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("man"):
        return word.removesuffix("man") + "men"
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word.removesuffix("y") + "ies"
    return word + "s"


def read_instances(path: Path) -> dict[str, frozenset[str]]:
    """COCO's instance annotations -> by image id and by file name, the objects that each picture shows.

    Raises ValueError.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return objects_by_image(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not COCO's instances_*.json, with images, categories and annotations "
            f"({type(error).__name__}: {error})"
        ) from None


def objects_by_image(content: dict[str, Any]) -> dict[str, frozenset[str]]:
    names = vocabulary()
    category = {each["id"]: names[each["name"]] for each in content["categories"]}
    shown: dict[int, set[str]] = {image["id"]: set() for image in content["images"]}
    for annotation in content["annotations"]:
        shown[annotation["image_id"]].add(category[annotation["category_id"]])
    by_name = {image["file_name"]: frozenset(shown[image["id"]]) for image in content["images"]}
    by_stem = {name.rpartition(".")[0]: objects for name, objects in by_name.items()}
    return {str(number): frozenset(objects) for number, objects in shown.items()} | by_stem | by_name


def image_id(name: str, shown: Mapping[str, Collection[str]]) -> str:
    """The name that the annotations have for an example: as it is, or without its ending."""
    for known in (name, name.rpartition(".")[0]):
        if known in shown:
            return known
    raise ValueError(f"the instance annotations have no image {name!r}; theirs are like {next(iter(shown), '')!r}")
