"""METEOR 1.5 (Denkowski and Lavie 2014), by the Java program inside pycocoevalcap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from metric.programs.java_program import JavaProgram, java_absent, packaged
from metric.scores.bleu_rouge import Tokens

SEPARATOR = " ||| "


def meteor_absent() -> str:
    """The reason why METEOR cannot run, "" when it can."""
    return java_absent("METEOR")


def meteor(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[float, list[float]]:
    """METEOR of the corpus and of each caption, 0 to 1. The first is not the mean of the second.

    One Java program serves all calls. Raises ValueError when Java cannot run.
    """
    if not program().alive:
        program.cache_clear()
    java = program()
    with java.or_stop():
        statistics = []
        for candidate, of_image in zip(candidates, references):
            java.say(SEPARATOR.join(["SCORE", *map(line, of_image), line(candidate)]))
            statistics.append(java.answer())
        java.say(SEPARATOR.join(["EVAL", *statistics]))
        scores = [float(java.answer()) for _ in candidates]
        return float(java.answer()), scores


@lru_cache
def program() -> JavaProgram:
    """The Java program, started by the first call. Raises ValueError when Java cannot run."""
    if reason := meteor_absent():
        raise ValueError(reason)
    jar = str(packaged("meteor/meteor-1.5.jar"))
    return JavaProgram("METEOR", ["-Xmx2G", "-jar", jar, "-", "-", "-stdio", "-l", "en", "-norm"])


def line(tokens: Tokens) -> str:
    return " ".join(tokens).replace("|||", "")
