"""A transformers model that captions pictures as a source of captions: BLIP, GIT, ViT-GPT2, LLaVA, Qwen-VL and others.

The model runs in the precision of its weights. Captions come from its own `generate`.

Axes: b pictures, k candidates of each, t tokens, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from captioner.config import Decode
from captioner.decoding.best_of import lots
from captioner.decoding.describer import check_pictures
from captioner.features.store import read_ahead
from captioner.sources.hub_decoding import Steps, arguments, cut_at_ends, ends_of, log_probabilities
from captioner.sources.hub_files import decode_of
from captioner.sources.pictures import identified, sorted_out
from captioner.sources.protocol import Candidates, Seen
from captioner.sources.settings import CandidateSettings
from metric.example import Cut, Example
from metric.image_to_text.folder import fingerprint, model_folder
from metric.image_to_text.model import load_model, quiet, refuse_blind
from metric.image_to_text.reader import Reader
from metric.images import upright
from metric.runtime.device import device_of


@dataclass(frozen=True)
class HubSource:
    """The name of a model, `hf:ORG/NAME` or `hf:FOLDER`, and what it is asked."""

    name: str
    prompt: str = ""
    """the text that the caption follows, or the question to a chat model; "" for the model's own way"""
    clip: str = ""
    """the CLIP that rewards take unless they name another"""
    device: str = "auto"
    features: str = ""
    """always "": these models read pictures"""

    def __post_init__(self) -> None:
        if self.features:
            raise ValueError(
                f"--features are for captioners of this package, and {self.name} reads pictures; leave --features out"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """Fingerprint of the files, and the prompt if one is typed."""
        return {"model": fingerprint(model_folder(self.name))} | ({"prompt": self.prompt} if self.prompt else {})

    def decode(self) -> Decode:
        """The decoding settings of the model's own files."""
        return decode_of(model_folder(self.name))

    def load(self, settings: CandidateSettings) -> HubCaptions:
        return HubCaptions(self, settings)


class HubCaptions:
    """A loaded model with its processor. Raises ValueError for settings that `generate` does not have."""

    def __init__(self, source: HubSource, settings: CandidateSettings) -> None:
        refuse(source.name, settings)
        folder = model_folder(source.name)
        self.clip, self.settings, self.device = source.clip, settings, device_of(source.device)
        with quiet():
            self.read = Reader(source.name, folder, source.prompt)
            self.model = load_model(source.name, folder).to(self.device)
            refuse_blind(source.name, self.read, self.model)
        refuse_longer(source.name, self.model, self.read.begun, settings.max_length)
        self.ends = ends_of(self.model, self.read.tokenizer)

    def see(self, blocks: Iterable[Sequence[Example]]) -> Iterator[Seen]:
        for reading in read_ahead(blocks, identified):
            yield sorted_out(reading)

    def make(self, seen: Seen) -> Candidates:
        return self.captions(seen.content, [example.id for example in seen.examples])

    @torch.no_grad()
    def captions(self, pictures: Sequence[Image.Image], names: Sequence[str]) -> Candidates:
        """The candidates of pictures. The names are the seeds of the method sample."""
        settings, k = self.settings, self.settings.candidates
        drawn = lots(names, k, settings.max_length, settings.seed) if settings.method == "sample" else None
        steps = Steps(settings, drawn, self.device)
        with quiet():
            inputs = self.read(pictures).to(self.device, self.model.dtype)
            written = self.model.generate(**inputs, **arguments(settings), logits_processor=[steps])
        tokens = written.sequences[:, steps.first :]  # the first tokens of most models are those of the prompt
        ended, lengths = cut_at_ends(tokens, self.ends)
        texts = [self.read.text(row[:n].tolist()) for row, n in zip(tokens, lengths.tolist())]
        captions = [text if whole else Cut(text) for text, whole in zip(texts, ended.tolist())]
        logged = log_probabilities(written, tokens, lengths).view(-1, k).cpu() if settings.scores else None
        return Candidates([captions[start : start + k] for start in range(0, len(captions), k)], logged)


class HubDescriber:
    """Captions pictures with a transformers model, by the settings of decoding in its files.

    `HubDescriber("hf:ORG/NAME")([picture, ...])` returns one caption a picture, as `Describer` does for our captioners.
    """

    def __init__(self, name: str, prompt: str = "", device: str = "auto") -> None:
        source = HubSource(name, prompt, device=device)
        decode = source.decode()
        self.captioner = source.load(
            CandidateSettings(
                decode.max_length,
                candidates=decode.beams,
                length_penalty=decode.length_penalty,
                no_repeat_ngram=decode.no_repeat_ngram,
            )
        )

    def __call__(self, pictures: Sequence[Image.Image]) -> list[str]:
        """The likeliest caption of each picture. Raises TypeError for anything but a sequence of PIL pictures."""
        check_pictures(pictures)
        shown = [upright(picture) for picture in pictures]
        return [str(texts[0]) for texts in self.captioner.captions(shown, [""] * len(shown)).captions] if shown else []


def refuse(name: str, settings: CandidateSettings) -> None:
    """Raises ValueError for settings of our captioners that transformers' `generate` does not have."""
    if settings.method == "diverse_beam":
        raise ValueError(f"--method diverse_beam is not for {name}; type --method beam or sample")
    if settings.guidance != 1:
        raise ValueError(f"--guidance is for captioners of this package, and {name} is none; leave --guidance out")


def refuse_longer(name: str, model: Any, begun: int, most: int) -> None:
    """Raises ValueError for captions of more tokens than a model has places. `begun` tokens come before a caption."""
    places = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    if places and begun + most - 1 > places:  # the last token is written and not read
        raise ValueError(
            f"{name} has {places} places for tokens, {begun} of them before the caption, got --max-length {most}; "
            f"type --max-length {max(places - begun + 1, 1)} or less"
        )
