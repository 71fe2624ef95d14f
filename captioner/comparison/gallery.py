"""The gallery of a comparison: pictures with the captions that people wrote."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from captioner.data import load
from captioner.runs.folder import run_folder
from metric.example import Picture, open_image
from metric.scenes.draw import draw
from metric.scenes.world import Scene


def gallery(run: Path, split: str, count: int) -> list[tuple[str, Image.Image, tuple[str, ...]]]:
    """Returns (id, picture, references) of `count` captioned pictures, evenly spread over the split."""
    folder = run_folder(run)
    captions = folder.captions(split)
    examples = [example for example in load(folder.run.data, split) if example.id in captions]
    chosen = examples[:: max(1, len(examples) // max(count, 1))][: max(count, 0)]
    return [(example.id, picture(example.image), example.references) for example in chosen]


def picture(image: Path | Picture) -> Image.Image:
    """The picture at a size for the page. A scene is drawn again at that size."""
    if isinstance(image, Scene):
        return draw(image, size=192)
    shown = open_image(image)
    shown.thumbnail((256, 256))
    return shown
