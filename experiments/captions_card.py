"""A card of a few test scenes and of the captions of several runs, with their faults marked.

The scenes are chosen by `first_different`, not by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image

from captioner.comparison.caption_card import Line, caption_card, marked
from captioner.data import load
from captioner.runs.outcome import Outcome
from metric.scenes.draw import draw
from metric.scenes.world import Scene

SPLIT, COUNT, SIDE = "test", 4, 480  # scenes of the card, pixels that a scene is drawn with


def draw_captions(outcomes: Mapping[str, Outcome], title: str, note: str, path: Path) -> None:
    """Draws the card of captions, in 256 colours so that the file is small. The keys are the printed names of runs."""
    first = next(iter(outcomes.values()))
    scenes = {
        example.id: example.image for example in load(first.config["data"], SPLIT) if isinstance(example.image, Scene)
    }
    chosen = first_different([outcome.captions for outcome in outcomes.values()], COUNT)
    lines = [
        Line(name, facts(outcome), [marked(outcome.captions[key], scenes[key]) for key in chosen])
        for name, outcome in outcomes.items()
    ]
    card = caption_card(title, [draw(scenes[key], SIDE) for key in chosen], lines, note.format(count=first.count))
    card.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def first_different(captions: Sequence[Mapping[str, str]], count: int) -> list[str]:
    """The ids of the first scenes, in the order of the split, to which all captioners give different captions."""
    different = (
        key for key in sorted(captions[0]) if len({caption_of[key] for caption_of in captions}) == len(captions)
    )
    return list(islice(different, count))


def facts(outcome: Outcome) -> list[str]:
    """Three facts about the captions of a run, over all scenes."""
    scores = outcome.corpus
    return [
        f"{scores['scene_grammatical']:.0f} % grammatical",
        f"{scores['scene_truth']:.0f} % of claims true",
        f"{scores['rep_4']:.2f} repeats (Rep-4)",
    ]
