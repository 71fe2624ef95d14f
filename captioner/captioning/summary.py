"""The summary that `captioner caption` prints: counts, words, repetition, grammar, skipped pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from captioner.captioning.journal import Rows
from metric.evaluation import open_grammar
from metric.scores.family import Defaults, Unavailable
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated

CHECKED = 10_000  # captions whose grammar is checked; LanguageTool checks some hundred a second


def summary(rows: Rows, new: int, checker: str) -> list[str]:
    """The lines of the summary. `new` is the number of pictures that this call captioned."""
    count = words = repetitions = 0
    for row in rows:
        for text in row.captions:
            tokens = tokenize(text)
            count, words, repetitions = count + 1, words + len(tokens), repetitions + repeated(tokens, 4)
    lines = [f"{new} captions, {len(rows) - new} from earlier calls" if new < len(rows) else f"{new} captions"]
    lines[0] += f", {len(rows.skipped)} pictures skipped"
    if count:
        length = f"{count:,} of {words / count:.1f} words" if count != len(rows) else f"{words / count:.1f} words"
        lines.append(f"{length} a caption, Rep-4 {repetitions / count:.3f}, {grammar(rows, checker)}")
    return lines + [f"skipped {number}: {kind}, the first {name}" for kind, (number, name) in kinds(rows.skipped)]


def grammar(rows: Rows, name: str) -> str:
    """The share of incorrect captions, and the checker that found them. Only the first captions of many are checked."""
    try:
        judge = open_grammar({}, Defaults(None, None, name, "cpu"))
    except Unavailable as reason:
        return f"incorrect unknown: {reason}"
    captions = [text for row in islice(rows, CHECKED) for text in row.captions]
    scope = "" if len(captions) < CHECKED or len(rows) <= CHECKED else f" of the first {CHECKED:,} pictures"
    judged = judge(captions, [])
    return f"incorrect {judged.corpus['incorrect']:.1f}%{scope} by {judged.facts['incorrect']}"


def kinds(skipped: Mapping[str, str]) -> list[tuple[str, tuple[int, str]]]:
    """Reason, number of pictures skipped for this reason, and the first picture. The most frequent reason comes first.

    Reasons that differ in their numbers alone are one.
    """
    counts: dict[str, tuple[int, str]] = {}
    for name, reason in skipped.items():
        kind = re.sub(r"\d+", "N", reason)
        number, first = counts.get(kind, (0, name))
        counts[kind] = number + 1, first
    return sorted(counts.items(), key=lambda item: -item[1][0])


def write_skipped(path: Path, skipped: Mapping[str, str]) -> None:
    """Writes the id and the reason of each skipped picture. No file is left when none was skipped."""
    path.unlink(missing_ok=True)
    if skipped:
        path.write_text("".join(f"{name}\t{reason}\n" for name, reason in skipped.items()), encoding="utf-8")
