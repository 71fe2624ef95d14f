"""One picture captioned by several captioners, with scores of the captions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from captioner.comparison.exhibits import repeated_words
from captioner.decoding.describer import Describer, run_of
from captioner.model import pretrained
from captioner.runs.labels import label
from captioner.runs.reached import unfinished_run
from captioner.sources.hub_files import PREFIX
from captioner.sources.hub_model import HubDescriber
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.evaluation import Scores, evaluate
from metric.example import Example
from metric.images import InMemory, upright
from metric.scores.catalogue import SCORES

SHOWN = ("clip_s", "pac_spp", "pac_spp_hard", "rep_4", "length")


@dataclass(frozen=True)
class Caption:
    """The caption of one captioner."""

    who: str
    """name of the captioner"""
    words: list[tuple[str, bool]]
    """the words, and whether a word repeats an earlier one"""
    scores: dict[str, tuple[str, bool]]
    """title -> the printed number, and whether the number is the best of all captioners"""
    grammar: str
    """fine, faulty, or empty without a checker"""


@dataclass(frozen=True)
class Trial:
    """Several captioners by name. `clip` and `pac`, a tuned CLIP or None, score the captions of all."""

    voices: Mapping[str, Describer | HubDescriber]
    clip: Embedder
    pac: Embedder | None
    checker: str = "auto"

    def __call__(self, picture: Image.Image) -> tuple[list[Caption], list[str]]:
        """Returns the caption of each captioner, and notes on the scores."""
        file = io.BytesIO()
        upright(picture).save(file, "PNG")
        shown = InMemory("the picture", file.getvalue())
        captions = {who: describe([shown.draw()])[0] for who, describe in self.voices.items()}
        examples = [Example(who, shown) for who in captions]
        scores = evaluate(captions, examples, (*SHOWN, "incorrect"), self.clip, self.pac, self.checker)
        return [shown_caption(who, caption, scores) for who, caption in captions.items()], notes(scores)


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
    """Loads captioners by run folder, model folder or hub id, and models of transformers by `hf:ORG/NAME`.

    Without `pac`, PAC-S++ is computed by the tuned CLIP that one of the runs was rewarded or scored with, if there is
    one. `prompt` is for models of transformers. Raises ValueError when a model is given twice or cannot be loaded.
    """
    voices = {name: voice_of(model, clip, device, prompt) for model, name in short_names(models).items()}
    tuned, scale = (pac, 1.0) if pac else next(filter(None, map(tuned_clip, models)), ("", 1.0))
    scoring = Embedder(clip_of(voices.values(), clip, device))
    return Trial(voices, scoring, Embedder(load_clip(tuned, device, scale)) if tuned else None, checker)


def voice_of(model: str, clip: str, device: str, prompt: str) -> Describer | HubDescriber:
    """A captioner of ours, or a model of transformers."""
    if model.startswith(PREFIX):
        return HubDescriber(model, prompt, device)
    return Describer.from_pretrained(model, clip, device)


def clip_of(voices: Iterable[Describer | HubDescriber], clip: str, device: str) -> Clip:
    """The CLIP of CLIP-S: that of the first captioner of ours, else the typed one. Raises ValueError without any."""
    own = next((voice.clip for voice in voices if isinstance(voice, Describer)), None)
    if own is None and not clip:
        raise ValueError("models of transformers have no CLIP for CLIP-S; type --clip ARCH:TAG or scenes-clip")
    return own or load_clip(clip, device)


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Model -> `pacspp · +PAC-S++`: the last part of its name, its reward, and its place if its run is not finished.

    Whole names are used when two models have the same last part.
    """
    if len(set(models)) < len(models):
        raise ValueError(f"a model is given twice: --model {' --model '.join(models)}")
    short = {model: model.rstrip("/").rpartition("/")[2] for model in models}
    distinct = len(set(short.values())) == len(models)
    names = {model: f"{short[model] if distinct else model}{rewarded(model)}" for model in models}
    places = {model: unfinished_run(model) for model in models}
    return {model: f"{name} · {places[model]}" if places[model] else name for model, name in names.items()}


def rewarded(model: str) -> str:
    """` · +PAC-S++`, the reward of the run that made the model, or nothing without run.json."""
    run = None if model.startswith(PREFIX) else run_of(pretrained.fetch(model))
    return f" · {label(run.reward_specs)}" if run else ""


def tuned_clip(model: str) -> tuple[str, float] | None:
    """The folder of the tuned CLIP that the run used, and its scale; None when the folder no longer exists."""
    run = None if model.startswith(PREFIX) else run_of(pretrained.fetch(model))
    if run is None or not run.pac_checkpoint or not Path(run.pac_checkpoint).is_dir():
        return None
    return run.pac_checkpoint, run.pac_scale
