"""Captions without a word, such as a silent model writes: kept, told and named.

They are kept, since a comparison has the same pictures in each row, and a data set a row a picture.
"""

from __future__ import annotations

from collections.abc import Mapping

from captioner.data import wordless
from metric.runtime.console import is_first, tell
from metric.storage.ledger import Ledger, record


def blank(captions: Mapping[str, str]) -> dict[str, str]:
    """Id -> why its caption says nothing, of the captions that say nothing."""
    return {name: fault for name, caption in captions.items() if (fault := wordless(caption))}


def tell_blank(source: str, faults: Mapping[str, str]) -> None:
    """Tells how many captions of a source say nothing, and names them in the open ledger. Without any, nothing."""
    found = Ledger()
    for name, fault in faults.items():
        found.add(source, "caption", name, f"{fault}, and is kept")
    if len(record(found)) and is_first():
        some = f"{len(faults):,} captions say" if len(faults) > 1 else "1 caption says"
        tell([f"{source}: {some} nothing, the first of {next(iter(faults))}; they are kept and scored"])
