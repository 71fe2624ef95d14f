"""One picture captioned by several captioners, with scores of the captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from captioner.comparison.exhibits import repeated_words
from captioner.publishing.voices import Voice, Written, clip_of, short_names, tuned_clip, voice_of
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.evaluation import Scores, evaluate
from metric.example import Example, open_image
from metric.scores.catalogue import SCORES

SHOWN = ("clip_s", "pac_spp", "pac_spp_hard", "rep_4", "length")


@dataclass(frozen=True)
class Caption:
    """The caption of one captioner, or why it has none."""

    who: str
    """name of the captioner"""
    words: list[tuple[str, bool]]
    """the words, and whether a word repeats an earlier one"""
    scores: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """title -> the printed number, and whether the number is the best of all captioners"""
    grammar: str = ""
    """fine, faulty, or empty without a checker"""
    lacking: str = ""
    """why there is no caption; empty where there is one"""


@dataclass(frozen=True)
class Trial:
    """Several captioners by name. `clip` and `pac`, a tuned CLIP or None, score the captions of all."""

    voices: Mapping[str, Voice]
    clip: Embedder
    pac: Embedder | None
    checker: str = "auto"

    def __call__(self, picture: Path) -> tuple[list[Caption], list[str]]:
        """Returns the caption of each captioner for a picture file, and notes on the scores.

        A file of captions is asked by the name of the picture. Raises UnreadableImage.
        """
        shown = open_image(picture)
        said = {
            who: voice.find(picture.name) if isinstance(voice, Written) else voice([shown])[0]
            for who, voice in self.voices.items()
        }
        captions = {who: caption for who, caption in said.items() if caption is not None}
        examples = [Example(who, picture) for who in captions]
        names = (*SHOWN, "incorrect")
        scores = (
            evaluate(captions, examples, names, self.clip, self.pac, self.checker)
            if captions
            else Scores({}, {}, {}, 0)
        )
        cards = [
            lacking(who, picture.name) if caption is None else shown_caption(who, caption, scores)
            for who, caption in said.items()
        ]
        return cards, notes(scores)


def lacking(who: str, picture: str) -> Caption:
    """The place of the file `who`, which has no caption of the picture."""
    return Caption(who, [], lacking=f"no caption of {picture} in this file")


def shown_caption(who: str, caption: str, scores: Scores) -> Caption:
    """The caption of the captioner `who`, ready for the page."""
    values = scores.per_caption
    numbers = {SCORES[name].printed: printed(name, values[name], who) for name in SHOWN if name in values}
    grammar = ("faulty" if values["incorrect"][who] else "fine") if "incorrect" in values else ""
    return Caption(who, repeated_words(caption), numbers, grammar)


def notes(scores: Scores) -> list[str]:
    """The CLIP, scale and checker behind the numbers, and why a score is absent."""
    facts = [f"{SCORES[name].printed}: {fact}" for name, fact in scores.facts.items() if name in SCORES]
    return facts + [f"{SCORES[name].printed} is not shown: {reason}" for name, reason in scores.skipped.items()]


def printed(name: str, values: Mapping[str, float], who: str) -> tuple[str, bool]:
    """The number of `who`, and whether the number is the best of several. Only scores by a CLIP have a best."""
    digits = 3 if SCORES[name].family == "clip" else 0
    best = max(values.values()) if SCORES[name].family == "clip" else None
    return f"{values[who]:.{digits}f}", len(values) > 1 and values[who] == best and min(values.values()) < best


def trial(
    models: Sequence[str], pac: str = "", clip: str = "", checker: str = "auto", device: str = "cpu", prompt: str = ""
) -> Trial:
    """Loads captioners by run folder, model folder, hub id or `hf:ORG/NAME` of transformers, and files of captions.

    Without `pac`, PAC-S++ is computed by the tuned CLIP that one of the runs was rewarded or scored with, if there is
    one. `prompt` is for models of transformers. Raises ValueError when a model is given twice or cannot be loaded.
    """
    voices = {name: voice_of(model, clip, device, prompt) for model, name in short_names(models).items()}
    tuned, scale = (pac, 1.0) if pac else next(filter(None, map(tuned_clip, models)), ("", 1.0))
    scoring = Embedder(clip_of(voices.values(), clip, device))
    return Trial(voices, scoring, Embedder(load_clip(tuned, device, scale)) if tuned else None, checker)
