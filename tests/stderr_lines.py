"""The lines of a command on stderr, without its progress and its last lines."""

from __future__ import annotations

import re

CUT = r"caution: [\d,]+ of [\d,]+ training captions have more than "  # those of tiny captioners are always cut
USUAL = re.compile(rf"captioner: (\w+ step [\d,]+ of |done: |written to |next, type: |{CUT})")


def unusual(stderr: str) -> list[str]:
    """The lines of `stderr` that are errors, cautions and interruptions."""
    lines = stderr.splitlines()
    return [line for line in lines if line.startswith("captioner: ") and not USUAL.match(line)]
