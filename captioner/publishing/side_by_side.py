"""One picture before several captioners: what each says of it, and how what it says is scored."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from captioner.comparison.report import repeated_words
from captioner.decoding.describer import Describer, run_of
from captioner.model import pretrained
from captioner.runs.outcome import label
from captioner.training.validation import metric_checkpoint
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.evaluation import Scores, evaluate
from metric.example import Example
from metric.images import InMemory, upright
from metric.scores.catalogue import SCORES
from rewards.spec import parse

SHOWN = ("clip_s", "pac_spp", "rep_4", "length")


@dataclass(frozen=True)
class Said:
    """A captioner's sentence: words, each with whether it repeats; scores as they are printed, the best marked."""

    who: str
    words: list[tuple[str, bool]]
    scores: dict[str, tuple[str, bool]]
    grammar: str
    """fine, faulty, or empty where it was not checked"""


@dataclass(frozen=True)
class Trial:
    """`clip` scores all captioners alike, and so does `pac`, a tuned CLIP, where there is one."""

    voices: Mapping[str, Describer]
    clip: Embedder
    pac: Embedder | None
    checker: str = "auto"

    def __call__(self, picture: Image.Image) -> tuple[list[Said], list[str]]:
        """What each says, and what to know of the scores."""
        file = io.BytesIO()
        upright(picture).save(file, "PNG")
        shown = InMemory("the picture", file.getvalue())
        captions = {who: describe([shown.draw()])[0] for who, describe in self.voices.items()}
        examples = [Example(who, shown) for who in captions]
        found = evaluate(captions, examples, (*SHOWN, "incorrect"), self.clip, self.pac, self.checker)
        return [said(who, caption, found) for who, caption in captions.items()], notes(found)


def said(who: str, caption: str, found: Scores) -> Said:
    each = found.per_caption
    numbers = {SCORES[name].printed: printed(name, each[name], who) for name in SHOWN if name in each}
    grammar = ("faulty" if each["incorrect"][who] else "fine") if "incorrect" in each else ""
    return Said(who, repeated_words(caption), numbers, grammar)


def notes(found: Scores) -> list[str]:
    """Which CLIP, scale and checker the numbers come from, and why others are not there."""
    facts = [f"{SCORES[name].printed}: {fact}" for name, fact in found.facts.items() if name in SCORES]
    return facts + [f"{SCORES[name].printed} is not shown: {reason}" for name, reason in found.skipped.items()]


def printed(name: str, of: Mapping[str, float], who: str) -> tuple[str, bool]:
    """The number, and whether it is the best of several; of length none is."""
    digits = 3 if SCORES[name].family == "clip" else 0
    best = max(of.values()) if SCORES[name].family == "clip" else None
    return f"{of[who]:.{digits}f}", len(of) > 1 and of[who] == best and min(of.values()) < best


def trial(models: Sequence[str], pac: str = "", clip: str = "", checker: str = "auto", device: str = "cpu") -> Trial:
    """Of runs, model folders or hub ids. Without `pac`, the tuned CLIP that one of them was rewarded or scored with."""
    voices = {name: Describer.from_pretrained(model, clip, device) for model, name in called(models).items()}
    tuned = pac or next(filter(None, map(tuned_clip, models)), "")
    first = next(iter(voices.values()))
    return Trial(voices, Embedder(first.clip), Embedder(load_clip(tuned, device)) if tuned else None, checker)


def called(models: Sequence[str]) -> dict[str, str]:
    """`pacspp · +PAC-S++`: the last part of the name as far as it tells them apart, and the reward."""
    if len(set(models)) < len(models):
        raise ValueError(f"a model is given twice: --model {' --model '.join(models)}")
    short = {model: model.rstrip("/").rpartition("/")[2] for model in models}
    alone = len(set(short.values())) == len(models)
    return {model: f"{short[model] if alone else model}{rewarded(model)}" for model in models}


def rewarded(model: str) -> str:
    run = run_of(pretrained.fetch(model))
    return f" · {label([parse(text) for text in run.rewards])}" if run else ""


def tuned_clip(model: str) -> str:
    """That of the run's own scores, if it is still where it was."""
    run = run_of(pretrained.fetch(model))
    checkpoint = metric_checkpoint(run) if run else ""
    return checkpoint if Path(checkpoint).is_dir() else ""
