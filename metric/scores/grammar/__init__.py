"""Whether a caption breaks a rule of grammar, asked of LanguageTool or of Harper.

Rules that would count every caption, whatever its grammar, are off: casing, spelling, spacing, final
punctuation, style. LanguageTool is the reference. Harper needs no Java but misses much (experiments/checkers.md),
so `Checker.name` belongs beside every number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from metric.scores.grammar import harper, languagetool
from metric.scores.grammar.checker import Checker, Verdicts
from metric.spec import find

# Name -> why it cannot run here ("" when it can), and how it is started. The first is the better one.
ENGINES: dict[str, tuple[Callable[[], str], Callable[[], Checker]]] = {
    "languagetool": (languagetool.absent, languagetool.start),
    "harper": (harper.absent, harper.start),
}


def grammar_checker(name: str, cache: str = "") -> Checker:
    """`languagetool` or `harper`; `cache` is a folder that keeps verdicts between runs. ValueError if it cannot run."""
    return checker_of(find(name, ENGINES, "grammar checker"), cache)


def available_checker(cache: str = "") -> tuple[Checker, str]:
    """The best that runs here, and whom it stands in for and why; ValueError when there is none."""
    reasons: dict[str, str] = {}
    for name in ENGINES:
        try:
            checker = checker_of(name, cache)
        except ValueError as reason:
            reasons[name] = str(reason)
        else:
            return checker, "".join(f"; stands in, since {reason}" for reason in reasons.values())
    raise ValueError(f"no grammar checker: {'; '.join(reasons.values())}")


@lru_cache
def checker_of(engine: str, cache: str) -> Checker:
    """One for the whole process: a server is started once."""
    absent, start = ENGINES[engine]
    if reason := absent():
        raise ValueError(f"the grammar checker {engine} cannot run: {reason}")
    checker = start()
    checker.kept = Verdicts(Path(cache), checker.name) if cache else None
    return checker
