"""The summary that `captioner caption` prints: counts, words, repetition, grammar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from captioner.captioning.journal import Rows
from metric.evaluation import open_grammar
from metric.scores.family import Defaults, Unavailable
from metric.scores.ptb_tokenizer import tokenize
from metric.scores.repetition import repeated

CHECKED = 10_000  # captions whose grammar is checked; LanguageTool checks some hundred a second


def summary(rows: Rows, new: int, checker: str, settings: Mapping[str, Any]) -> list[str]:
    """The lines of the summary. `new` is the number of pictures that this call captioned.

    Captions that were cut or shortened are counted by the settings of the output, those of earlier calls too.
    """
    count = words = repetitions = shortened = cut = 0
    for row in rows:
        shortened, cut = shortened + row.shortened, cut + row.cut
        for text in row.captions:
            tokens = tokenize(text)
            count, words, repetitions = count + 1, words + len(tokens), repetitions + repeated(tokens, 4)
    lines = [f"{new} captions, {len(rows) - new} from earlier calls" if new < len(rows) else f"{new} captions"]
    lines[0] += f", {len(rows.skipped_pictures)} pictures left out"
    kinds = Counter(rows.others.values())
    lines[0] += "".join(f", {count:,} {kind}{'s' * (count > 1)} left out" for kind, count in kinds.items())
    lines[0] += f", {shortened:,} captions shortened by --drop-phrases" if settings.get("drop_phrases") else ""
    lines[0] += f", {cut:,} captions cut by --max-length {settings['max_length']}" if cut else ""
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
