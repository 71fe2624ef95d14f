"""Harper: a lenient checker that works offline and without Java, in a third of a millisecond a caption."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

from metric.scores.grammar.checker import ENGLISH, Checker

# Compound nouns and split words ("dog trots" to "dogtrots") are spelling too, and wrong on captions.
KINDS_OFF = set(
    "Capitalization Spelling Typo WordChoice Punctuation Formatting Style Readability Enhancement Regionalism".split()
)


def absent() -> str:
    """The reason why Harper cannot run, "" when it can."""
    return "" if find_spec("harper") else "harper-py is not installed; pip install 'captioner[harper]'"


def start(language: str) -> Checker:
    """The checker. Raises ValueError for another language than English."""
    if language != ENGLISH:
        raise ValueError(f"harper knows English alone, got language={language}; type checker=languagetool")
    from harper import Language, Linter

    linter = Linter()

    def wrong(caption: str) -> bool:
        # One flaw must not hide another at the same place, hence dedup=False.
        lints = linter.lint(caption, language=Language.PLAINTEXT, dedup=False)
        return any(lint.lint_kind not in KINDS_OFF for lint in lints)

    return Checker(f"harper-py {version('harper-py')}", KINDS_OFF, lambda captions: list(map(wrong, captions)))
