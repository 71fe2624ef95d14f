"""What commands say on stderr beside their progress and their last lines."""

from __future__ import annotations

import re

USUAL = re.compile(r"captioner: (\w+ step [\d,]+ of |done: |written to |next, type: )")


def unusual(stderr: str) -> list[str]:
    """The command's own lines: errors, cautions, interruptions."""
    lines = stderr.splitlines()
    return [line for line in lines if line.startswith("captioner: ") and not USUAL.match(line)]
