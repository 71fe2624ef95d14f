"""Describer: a captioner with its CLIP, called with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from captioner.config import Decode, Run, from_json
from captioner.decoding.generate import beam, generate
from captioner.features.patch_features import grid_features
from captioner.model import pretrained
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.images import upright


class Describer:
    """Captions pictures: `Describer.from_pretrained(NAME)([picture, ...])` returns one caption a picture."""

    def __init__(self, captioner: Captioner, clip: Clip | None = None, decode: Decode | None = None) -> None:
        """Raises ValueError when `clip` is not the CLIP that the captioner was trained with.

        Without `clip`, the CLIP is loaded by the name in the captioner's settings. Without `decode`, captions have 5
        beams and as many tokens as the captioner can write.
        """
        self.captioner = captioner
        self.clip = clip or load_clip(captioner.config.clip, captioner.token.weight.device)
        captioner.config.refuse_other_clip(self.clip)
        self.decode = decode or Decode(max_length=captioner.config.max_length)

    @classmethod
    def from_pretrained(cls, name: str | Path, clip: str = "", device: str | torch.device = "cpu") -> Describer:
        """Loads a captioner with its CLIP. Captions are decoded with the settings of the run that made the model.

        `name` is a run folder, a model folder, or a hub id such as OWNER/NAME. `clip` is the new place of the CLIP, if
        the CLIP has moved. Raises ValueError when there is no such captioner, or when the CLIP is another one.
        """
        captioner = Captioner.from_pretrained(name).to(device)
        return cls(captioner, load_clip(clip or captioner.config.clip, device), decode_of(str(name)))

    def __call__(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Returns the best caption of each picture by beam search. No pictures have no captions.

        Raises TypeError for anything but a sequence of PIL pictures, and names the way to open a file or an array.
        """
        check_pictures(pictures)
        if not pictures:
            return []
        pixels = torch.stack([self.clip.preprocess(upright(picture)) for picture in pictures])
        features = grid_features(self.clip, pixels)
        generated = generate(self.captioner, features, **beam(self.decode))
        return [str(beams[0]) for beams in generated.captions]


def check_pictures(pictures: object) -> None:
    """Raises TypeError unless `pictures` is a list or tuple of PIL pictures."""
    if isinstance(pictures, Image.Image):
        raise TypeError("expected a list of pictures, got one picture; type describe([picture])")
    if not isinstance(pictures, (list, tuple)):
        raise TypeError(
            f"expected a list of pictures, got a {type(pictures).__name__}; type describe([Image.open(PATH)])"
        )
    for picture in pictures:
        if not isinstance(picture, Image.Image):
            opened = "Image.open(PATH)" if isinstance(picture, (str, Path)) else "Image.fromarray(ARRAY)"
            raise TypeError(f"expected pictures of PIL, got a {type(picture).__name__}; type {opened}")


def decode_of(name: str) -> Decode:
    """The decoding settings of the run that made the model `name`.

    A model without run.json gets 5 beams and as many tokens as the model can write. Raises ValueError when there is no
    such captioner.
    """
    folder = pretrained.fetch(name)
    if run := run_of(folder):
        return run.decode
    return Decode(max_length=pretrained.read_config(folder / pretrained.CONFIG, CaptionerConfig)["max_length"])


def run_of(folder: Path) -> Run | None:
    """The settings of the run that made the model in `folder`, or None without run.json."""
    path = folder / pretrained.RUN
    return from_json(path.read_text(encoding="utf-8")) if path.is_file() else None
