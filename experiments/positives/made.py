"""The positives of a recipe in a folder, made once. A folder for each filter has its shards and its own threshold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from captioner.data import load
from captioner.decoding.own_positives import OwnCaptions
from experiments.positives.arms import Recipe
from experiments.positives.makers import MistakenCaptions, MistakenPictures, PaintedPictures, TemplateCaptions
from metric.positives.config import FilterConfig, GenerationConfig
from metric.positives.filter import read_about
from metric.positives.generate import Makers, generate
from metric.positives.units import ImageMaker, TextMaker

CPU = torch.device("cpu")


def positives(recipe: Recipe, data: str, captioner: Path, out: Path) -> Path:
    """The folder of the positives of training pictures, below `out`. A finished folder is left as it is."""
    folder = out / recipe.folder
    fill(folder, recipe, FilterConfig(), data, captioner)
    if not recipe.drop:
        return folder
    filtered = out / f"{recipe.folder}-drop-{round(100 * recipe.drop)}"
    shutil.copytree(folder, filtered, dirs_exist_ok=True)
    fill(filtered, recipe, FilterConfig(drop=recipe.drop), data, captioner)
    return filtered


def fill(folder: Path, recipe: Recipe, filtering: FilterConfig, data: str, captioner: Path) -> None:
    """Makes what is missing in a folder, and filters it."""
    if read_about(folder).get("filtering") == vars(filtering):
        return
    config = GenerationConfig(text=recipe.text, image=recipe.image, clip="scenes-clip")
    generate(config, filtering, load(data, "train"), data, folder, lambda: makers(recipe, config, captioner), CPU)


def makers(recipe: Recipe, config: GenerationConfig, captioner: Path) -> Makers:
    """The makers of captions and of pictures. Raises ValueError for `captioner` without a finished run."""
    if recipe.text == "captioner" and not (captioner / "scores-test.json").exists():
        raise ValueError(f"{captioner} is no scored run; give --captioner RUN, or --groups without maker")
    texts: dict[str, Callable[[], TextMaker]] = {
        "renderer": lambda: MistakenCaptions(recipe.mistaken),
        "template": TemplateCaptions,
        "captioner": lambda: OwnCaptions(replace(config, text=str(captioner)), CPU),
    }
    pictures: dict[str, Callable[[], ImageMaker]] = {
        "renderer": lambda: MistakenPictures(recipe.mistaken),
        "painted": PaintedPictures,
    }
    return texts[recipe.text](), pictures[recipe.image]()
