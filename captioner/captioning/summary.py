"""What was captioned, in a few lines: how many captions of how many words, what they suffer from, what was skipped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from captioner.captioning.journal import Rows
from metric.evaluation import open_grammar
from metric.scores.family import Given, Unavailable
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated

CHECKED = 10_000  # captions that grammar is asked of; LanguageTool checks some hundred a second


def summary(rows: Rows, new: int, checker: str) -> list[str]:
    """Lines to be printed; `new` captioned pictures are of this call."""
    count = words = repetitions = 0
    for row in rows:
        for text in row.captions:
            tokens = tokenize(text)
            count, words, repetitions = count + 1, words + len(tokens), repetitions + repeated(tokens, 4)
    lines = [f"{new} captions, {len(rows) - new} are there already" if new < len(rows) else f"{new} captions"]
    lines[0] += f", {len(rows.skipped)} pictures skipped"
    if count:
        told = f"{count:,} of {words / count:.1f} words" if count != len(rows) else f"{words / count:.1f} words"
        lines.append(f"{told} a caption, Rep-4 {repetitions / count:.3f}, {grammar(rows, checker)}")
    return lines + [f"skipped {number}: {kind}, the first {name}" for kind, (number, name) in kinds(rows.skipped)]


def grammar(rows: Rows, name: str) -> str:
    """The share of incorrect captions, of the first of them where they are many, and who says so."""
    try:
        judge = open_grammar({}, Given(None, None, name, "cpu"))
    except Unavailable as reason:
        return f"incorrect unknown: {reason}"
    asked = [text for row in islice(rows, CHECKED) for text in row.captions]
    whole = "" if len(asked) < CHECKED or len(rows) <= CHECKED else f" of the first {CHECKED:,} pictures"
    judged = judge(asked, [])
    return f"incorrect {judged.corpus['incorrect']:.1f}%{whole} by {judged.facts['incorrect']}"


def kinds(skipped: Mapping[str, str]) -> list[tuple[str, tuple[int, str]]]:
    """How many were skipped for each reason, numbers in it left aside, and the first; the most frequent first."""
    found: dict[str, tuple[int, str]] = {}
    for name, reason in skipped.items():
        kind = re.sub(r"\d+", "N", reason)
        number, first = found.get(kind, (0, name))
        found[kind] = number + 1, first
    return sorted(found.items(), key=lambda item: -item[1][0])


def write_skipped(path: Path, skipped: Mapping[str, str]) -> None:
    """Which and why; there is no file when none was skipped."""
    path.unlink(missing_ok=True)
    if skipped:
        path.write_text("".join(f"{name}\t{reason}\n" for name, reason in skipped.items()), encoding="utf-8")
