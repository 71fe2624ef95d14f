"""Captions of a batch of pictures: candidates are generated and scored, and the best are kept.

Axes: b pictures, k candidates of each, p patches, f features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from captioner.captioning.journal import Row
from captioner.decoding.best_of import lots, order
from captioner.decoding.generate import METHODS, generate
from captioner.model.encoder_decoder import Captioner
from metric.example import Example
from rewards.mix import Mix


@dataclass(frozen=True)
class CandidateSettings:
    """The settings by which captions are generated and chosen. A work folder records them.

    Raises ValueError for settings that contradict each other.
    """

    max_length: int
    method: str = "beam"
    candidates: int = 5
    """number of beams, or of draws"""
    n: int = 1
    """captions that are kept of each picture"""
    rewards: tuple[str, ...] = ()
    best: bool = False
    """keep the captions with the highest reward, not the likeliest beams or the first draws"""
    scores: bool = False
    """write log-probabilities and rewards"""
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    length_penalty: float = 0.0
    no_repeat_ngram: int = 0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {self.method!r}")
        most = 1 if self.method == "greedy" else self.candidates
        if self.n > most:
            raise ValueError(
                f"--n {self.n} is more than the {most} captions that {self.method} makes; raise --beams or --best-of, "
                "or type --method sample"
            )
        if self.method != "beam" and self.length_penalty:
            raise ValueError(
                f"--method {self.method} ranks no beams by their length, got --length-penalty {self.length_penalty:g}; "
                "leave --length-penalty out or type --method beam"
            )
        if self.method == "greedy" and self.best:
            raise ValueError(
                "--method greedy makes one caption, so --best-of cannot choose; type --method beam or sample"
            )
        if self.best != bool(self.rewards) and not (self.scores and self.rewards):
            flag, lacking = ("--best-of", "--reward SPEC") if self.best else ("--reward", "--best-of N or --scores")
            raise ValueError(f"{flag} needs {lacking}; `captioner rewards` lists rewards")


def candidates(
    captioner: Captioner, features: Tensor, examples: Sequence[Example], settings: CandidateSettings, reward: Mix | None
) -> list[Row]:
    """Makes one row a picture from features `b p f`. The caller fills in the field `order`."""
    generated = generate(
        captioner,
        features,
        method=settings.method,
        k=settings.candidates,
        max_length=settings.max_length,
        temperature=settings.temperature,
        top_p=settings.top_p,
        length_penalty=settings.length_penalty,
        no_repeat_ngram=settings.no_repeat_ngram,
        guidance=settings.guidance,
        lots=lots([example.id for example in examples], settings.candidates, settings.max_length, settings.seed),
    )
    columns = {"log_probability": generated.log_probabilities.cpu()}
    total = columns["log_probability"]
    if reward:
        total, parts = reward(examples, generated.captions)
        columns |= {"reward": total, **parts} if len(parts) > 1 else parts
    chosen = order(total, settings.best)[:, : settings.n].tolist()
    return [
        Row(
            example.id,
            captions=[str(generated.captions[i][j]) for j in chosen[i]],
            scores={name: [round(float(values[i, j]), 6) for j in chosen[i]] for name, values in columns.items()}
            if settings.scores
            else {},
        )
        for i, example in enumerate(examples)
    ]
