"""METEOR 1.5 (Denkowski and Lavie 2014), by the Java program inside pycocoevalcap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from metric.programs.java_program import JavaProgram, java_absent, packaged
from metric.scores.bleu_rouge import Tokens

SEPARATOR = " ||| "


def meteor_absent() -> str:
    """Why METEOR cannot run; "" when it can."""
    return java_absent("METEOR")


def meteor(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[float, list[float]]:
    """Of the corpus, which is not the mean, and of each caption; 0 to 1. One program serves all calls."""
    if not program().alive:
        program.cache_clear()
    java = program()
    with java.or_stop():
        statistics = []
        for candidate, of_image in zip(candidates, references):
            java.say(SEPARATOR.join(["SCORE", *map(line, of_image), line(candidate)]))
            statistics.append(java.answer())
        java.say(SEPARATOR.join(["EVAL", *statistics]))
        each = [float(java.answer()) for _ in candidates]
        return float(java.answer()), each


@lru_cache
def program() -> JavaProgram:
    """Started when first asked for. Raises ValueError."""
    if reason := meteor_absent():
        raise ValueError(reason)
    jar = str(packaged("meteor/meteor-1.5.jar"))
    return JavaProgram("METEOR", ["-Xmx2G", "-jar", jar, "-", "-", "-stdio", "-l", "en", "-norm"])


def line(tokens: Tokens) -> str:
    return " ".join(tokens).replace("|||", "")
