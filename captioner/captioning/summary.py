"""The summary that `captioner caption` prints: counts, words, repetition, grammar."""

from __future__ import annotations

from itertools import islice

from captioner.captioning.journal import Rows
from metric.evaluation import open_grammar
from metric.scores.family import Defaults, Unavailable
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated

CHECKED = 10_000  # captions whose grammar is checked; LanguageTool checks some hundred a second


def summary(rows: Rows, new: int, checker: str, phrases: bool = False) -> list[str]:
    """The lines of the summary. `new` is the number of pictures that this call captioned.

    With `phrases` the captions from which a phrase was removed are counted, those of earlier calls too.
    """
    count = words = repetitions = shortened = 0
    for row in rows:
        shortened += row.shortened
        for text in row.captions:
            tokens = tokenize(text)
            count, words, repetitions = count + 1, words + len(tokens), repetitions + repeated(tokens, 4)
    lines = [f"{new} captions, {len(rows) - new} from earlier calls" if new < len(rows) else f"{new} captions"]
    lines[0] += f", {len(rows.skipped)} pictures left out"
    lines[0] += f", {shortened:,} captions shortened by --drop-phrases" if phrases else ""
    if count:
        length = f"{count:,} of {words / count:.1f} words" if count != len(rows) else f"{words / count:.1f} words"
        lines.append(f"{length} a caption, Rep-4 {repetitions / count:.3f}, {grammar(rows, checker)}")
    return lines


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
