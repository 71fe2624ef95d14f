"""Grammar faults of captions, found by LanguageTool or by Harper.

Rules that nearly every caption breaks are off: casing, spelling, spacing, final punctuation, style. LanguageTool is the
reference. Harper needs no Java but misses much (experiments/results/checkers.md). Print
`Checker.name` beside every number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from metric.scores.grammar import harper, languagetool
from metric.scores.grammar.checker import ENGLISH, Checker, Verdicts
from metric.spec import find

# Name -> function that gives the reason why it cannot run here ("" when it can), function that starts it. Best first.
# The function that starts it takes a language, such as de-DE.
ENGINES: dict[str, tuple[Callable[[], str], Callable[[str], Checker]]] = {
    "languagetool": (languagetool.absent, languagetool.start),
    "harper": (harper.absent, harper.start),
}


def grammar_checker(name: str, cache: str = "", language: str = "") -> Checker:
    """The checker `languagetool` or `harper`. `cache` is a folder that keeps verdicts between runs.

    `language` is a code of LanguageTool, such as de-DE; "" is American English. Raises ValueError for a checker that
    cannot run here, or does not know the language.
    """
    return checker_of(find(name, ENGINES, "grammar checker"), cache, language or ENGLISH)


def known_checker(name: str) -> str:
    """The name of a checker, `auto` or `none`. Raises ValueError for another name, with the nearest one."""
    return find(name, (*ENGINES, "auto", "none"), "grammar checker")


def available_checker(cache: str = "") -> tuple[Checker, str]:
    """The best checker that runs here, and a note on the better ones that do not. Raises ValueError without any."""
    reasons: dict[str, str] = {}
    for name in ENGINES:
        try:
            checker = checker_of(name, cache, ENGLISH)
        except ValueError as reason:
            reasons[name] = str(reason)
        else:
            return checker, "".join(f"; stands in, since {reason}" for reason in reasons.values())
    raise ValueError(f"no grammar checker can run: {'; '.join(reasons.values())}")


@lru_cache
def checker_of(engine: str, cache: str, language: str) -> Checker:
    """A checker, one for the whole process, so that its server is started once. Raises ValueError if it cannot run."""
    absent, start = ENGINES[engine]
    if reason := absent():
        raise ValueError(f"the grammar checker {engine} cannot run: {reason}")
    checker = start(language)
    checker.stored = Verdicts(Path(cache), checker.name) if cache else None
    return checker
