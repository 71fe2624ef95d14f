"""CHAIR: objects that a caption names and the picture does not show (arXiv 1809.02156).

Each name of a COCO object counts, as does each of its synonyms in `assets/chair`. The objects of a photograph are
those of its instance annotations and of its reference captions. The objects of a drawn scene are known.
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
    """The number of objects that a caption names, and of those that the picture does not show."""

    false: int
    all: int


def chair_i(counts: Sequence[Named]) -> float:
    """CHAIR-i: the share of the named objects that the pictures do not show, 0 to 1; 0 for captions without objects."""
    return sum(named.false for named in counts) / max(1, sum(named.all for named in counts))


def chair_s(counts: Sequence[Named]) -> float:
    """CHAIR-s: the share of the captions that name an object that the picture does not show, 0 to 1."""
    return sum(named.false > 0 for named in counts) / max(1, len(counts))


def count(mentioned: Iterable[str], present: Collection[str]) -> Named:
    mentioned = list(mentioned)
    return Named(sum(name not in present for name in mentioned), len(mentioned))


def in_photographs(
    captions: Sequence[str], examples: Sequence[Example], shown: Mapping[str, Collection[str]]
) -> list[Named]:
    """The COCO objects in each caption. `shown` has the objects of each image, as `read_instances` reads them."""
    counts = []
    for caption, example in zip(captions, examples):
        in_references = [name for reference in example.references for name in mentions(tokenize(reference))]
        present = {*shown[image_id(example.id, shown)], *in_references}
        counts.append(count(mentions(tokenize(caption)), present))
    return counts


def in_scenes(captions: Sequence[str], examples: Sequence[Example]) -> list[Named]:
    """The kinds of things in each caption of a drawn scene."""
    from metric.scenes.truth import kinds
    from metric.scenes.world import Scene

    scenes = [example.image for example in examples if isinstance(example.image, Scene)]
    return [count(kinds(text), {thing.kind for thing in scene.things}) for text, scene in zip(captions, scenes)]


def mentions(tokens: Tokens) -> list[str]:
    """The COCO object of each name in a caption, in order. The longest name counts: a hot dog is no dog."""
    names, objects, at = vocabulary(), [], 0
    words = [word for word in tokens if word != "seat"] if "toilet" in tokens or "toilets" in tokens else tokens
    while at < len(words):
        sizes = range(min(LONGEST, len(words) - at), 0, -1)
        size = next((size for size in sizes if " ".join(words[at : at + size]) in names), 0)
        objects += [names[" ".join(words[at : at + size])]] if size else []
        at += size or 1
    return [name for name in objects if name]


@cache
def vocabulary() -> dict[str, str]:
    """Each name in singular and plural -> its COCO object, or "" for a phrase that names none ("baby animal")."""
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
    """Image id, and file name with and without ending -> the objects in that picture, from COCO's annotations.

    Raises ValueError for a file that is not COCO's instances_*.json.
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
    category = {row["id"]: names[row["name"]] for row in content["categories"]}
    shown: dict[int, set[str]] = {image["id"]: set() for image in content["images"]}
    for annotation in content["annotations"]:
        shown[annotation["image_id"]].add(category[annotation["category_id"]])
    by_name = {image["file_name"]: frozenset(shown[image["id"]]) for image in content["images"]}
    by_stem = {name.rpartition(".")[0]: objects for name, objects in by_name.items()}
    return {str(number): frozenset(objects) for number, objects in shown.items()} | by_stem | by_name


def image_id(name: str, shown: Mapping[str, Collection[str]]) -> str:
    """The key of `shown` for an example's id: the id, or the id without its ending. Raises ValueError without any."""
    for key in (name, name.rpartition(".")[0]):
        if key in shown:
            return key
    raise ValueError(f"the instance annotations have no image {name!r}; expected names like {next(iter(shown), '')!r}")
