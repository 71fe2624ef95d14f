"""The files of a batch of units: captions and pictures, their similarity by CLIP, and their provenance.

Axes: b units or pictures.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from metric.clip.model import Clip
from metric.example import UnreadableImage, open_image
from metric.positives.config import GenerationConfig
from metric.positives.filter import KINDS
from metric.positives.units import ImageMaker, TextMaker, Unit
from metric.similarity import PREFIX

QUALITY = 95  # of JPEG
Made = tuple[str | Image.Image | None, dict[str, Any]]  # a caption, a picture or None, and its provenance


class BatchMaker:
    """A function from units to the files of their samples."""

    def __init__(
        self, text: TextMaker | None, image: ImageMaker | None, clip: Clip | None, config: GenerationConfig, data: str
    ) -> None:
        self.text, self.image, self.clip, self.config, self.data = text, image, clip, config, data

    def __call__(self, units: Sequence[Unit]) -> list[tuple[str, bytes]]:
        """(name, content) of the files KEY.txt, KEY.jpg or KEY.png, and KEY.json of each unit."""
        results = {"text": self.texts(units), "image": self.images(units)}
        files = []
        for unit in units:
            record = {"id": unit.example.id, "n": unit.n, "caption": unit.caption, "seed": unit.seed, "data": self.data}
            for kind in KINDS:
                if unit.key in results[kind]:
                    value, record[kind] = results[kind][unit.key]
                    files += self.file(unit.key, value)
            files.append((f"{unit.key}.json", json.dumps(record, ensure_ascii=False).encode()))
        return files

    def file(self, key: str, value: str | Image.Image | None) -> list[tuple[str, bytes]]:
        if value is None:
            return []
        if isinstance(value, str):
            return [(f"{key}.txt", value.encode())]
        assert self.image is not None
        buffer = io.BytesIO()
        value.save(buffer, Image.registered_extensions()[f".{self.image.suffix}"], quality=QUALITY)
        return [(f"{key}.{self.image.suffix}", buffer.getvalue())]

    def texts(self, units: Sequence[Unit]) -> dict[str, Made]:
        """Captions t' by key, for the first unit of each picture. Unreadable pictures have None and the reason."""
        if self.text is None:
            return {}
        pictures, faults = opened([unit for unit in units if unit.n == 0])
        readable = [unit for unit in units if unit.key in pictures]
        texts = self.text(readable, list(pictures.values())) if readable else []
        fits = self.similarities(list(pictures.values()), texts)
        return faults | {
            unit.key: (text, {**self.text.facts, "similarity": fit}) if text else (None, {"skipped": "empty caption"})
            for unit, text, fit in zip(readable, texts, fits)
        }

    def images(self, units: Sequence[Unit]) -> dict[str, Made]:
        """Pictures v' by key. Units without a caption, and withheld pictures, have None and the reason."""
        if self.image is None:
            return {}
        captioned = [unit for unit in units if unit.caption]
        pairs = zip(captioned, self.image(captioned)) if captioned else []
        by_key: dict[str, Made] = {unit.key: (None, {"skipped": "no caption"}) for unit in units if not unit.caption}
        shown = []
        for unit, picture in pairs:
            if picture is None:
                by_key[unit.key] = None, {"skipped": "withheld by the safety checker"}
            else:
                shown.append((unit, shrunk(picture, self.config.stored)))
        fits = self.similarities([picture for _, picture in shown], [unit.caption for unit, _ in shown])
        for (unit, picture), fit in zip(shown, fits):
            prompt = self.config.image_prompt.replace("{caption}", unit.caption)
            by_key[unit.key] = picture, {**self.image.facts, "prompt": prompt, "similarity": fit}
        return by_key

    @torch.no_grad()
    def similarities(self, pictures: Sequence[Image.Image], texts: Sequence[str]) -> Sequence[float | None]:
        """Cosines of b pictures and their prefixed texts; None for each without a CLIP."""
        if self.clip is None or not pictures:
            return [None] * len(pictures)
        image = self.clip.encode_image(torch.stack([self.clip.preprocess(picture) for picture in pictures]))
        text = self.clip.encode_text([PREFIX + text for text in texts])
        return [round(value, 6) for value in (image * text).sum(-1).tolist()]


def opened(units: Sequence[Unit]) -> tuple[dict[str, Image.Image], dict[str, Made]]:
    """Pictures of the units by key, and the reasons for those that cannot be read."""
    pictures: dict[str, Image.Image] = {}
    faults: dict[str, Made] = {}
    for unit in units:
        try:
            pictures[unit.key] = open_image(unit.example.image)
        except UnreadableImage as error:
            faults[unit.key] = None, {"skipped": "unreadable picture", "reason": str(error)}
    return pictures, faults


def shrunk(picture: Image.Image, longest: int) -> Image.Image:
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return picture.convert("RGB")
