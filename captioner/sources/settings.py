"""The settings by which captions are generated and chosen, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from captioner.config import flag
from captioner.decoding.generate import METHODS
from metric.settings import ABOVE_0, NUCLEUS, SEED, refuse_outside

GIVEN = "given"  # the method of candidates that others made

MORE = {  # method -> what to type for more captions
    "beam": "raise --beams or --best-of, or type --method sample",
    "sample": "raise --beams or --best-of, or leave them out",
    "greedy": "type --method sample, or --method beam",
}


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
    drop_phrases: tuple[str, ...] = ()
    """phrases that are removed from the beginning of a candidate"""
    least_score: float | None = None
    """lowest reward of a caption that is written"""

    def __post_init__(self) -> None:
        if self.method not in (*METHODS, GIVEN):
            raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.n < 1:
            raise ValueError(f"--n is the number of captions of a picture, 1 or more, got {self.n}")
        refuse_outside(vars(self), {"temperature": ABOVE_0, "top_p": NUCLEUS, "seed": SEED})
        self.refuse_undrawn()
        most = 1 if self.method == "greedy" else self.candidates
        if self.n > most and self.method != GIVEN:
            raise ValueError(
                f"--n {self.n} is more than the {most} captions that {self.method} makes; {MORE[self.method]}"
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
        if self.least_score is not None and not self.rewards:
            raise ValueError(
                f"--least-score {self.least_score:g} needs --reward SPEC, whose score it is; `captioner rewards` lists "
                "rewards"
            )
        used = self.scores or self.least_score is not None
        if self.best != bool(self.rewards) and not (used and self.rewards):
            flag, lacking = ("--best-of", "--reward SPEC") if self.best else ("--reward", "--best-of N or --scores")
            raise ValueError(f"{flag} needs {lacking}; `captioner rewards` lists rewards")

    def refuse_undrawn(self) -> None:
        """Raises ValueError for settings of samples where no sample is drawn."""
        for name in ("temperature", "top_p") if self.method != "sample" else ():
            if getattr(self, name) != 1:
                how = (
                    "--from has the captions already"
                    if self.method == GIVEN
                    else f"--method {self.method} draws nothing"
                )
                raise ValueError(
                    f"{how}, got {flag(name)} {getattr(self, name):g}; leave it out or type --method sample"
                )


def refuse_decoding(typed: Mapping[str, object]) -> None:
    """Raises ValueError for settings of decoding beside candidates that others made."""
    for name, value in typed.items():
        raise ValueError(f"--from has the captions already, got {flag(name)} {value}; leave one of them out")
