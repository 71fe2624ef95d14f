"""`captioner data`: the format of an input, a line a split, the faults, and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from captioner.data import DATA, read, split_names
from captioner.data.detect import recognise
from captioner.data.inspection.contact_sheet import write
from captioner.data.inspection.counts import Look, look
from captioner.data.text_files import read_json
from captioner.data.twice import told
from metric.storage.atomic_files import write_json
from metric.storage.ledger import record

WHOLE = "all"  # the name of the only split of a data set without splits
FILE = "data.json"  # the counts, in the folder of --out
NAMED = 10  # broken files of a split that are printed; data.json lists all


def show(spec: str, splits: Sequence[str], out: Path | None, opened: int, shown: int) -> list[Look]:
    """Print the content of the splits of a data set, write it to `out`, and return it."""
    if out:
        refuse_foreign(out / FILE)
    source = recognise(spec, DATA)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{spec} is {source}" if str(source) != spec else str(source))
    for other in source.others:
        console.print(f"there is also {other}")
    names = splits or split_names(spec) or [WHOLE]
    looks = [look(told(read(spec, split), source), split, opened, shown) for split in names]
    console.print(table(looks))
    for content in looks:
        for line in problems(content):
            console.print(line)
    if out:
        for path in written(out, looks, str(source)):
            console.print(f"wrote {path}")
    for content in looks:
        record(content.all_left_out().of(f"{spec} ({content.split})"))
    return looks


def refuse_foreign(path: Path) -> None:
    """Raises ValueError for a file of somebody else in the place of FILE, which may be the data set itself."""
    if path.is_file():
        content = read_json(path)
        if not isinstance(content, dict) or not {"source", "splits"} <= content.keys():
            raise ValueError(f"{path} is no file of `captioner data` and would be replaced; give another --out")


def table(looks: Sequence[Look]) -> Table:
    names = ("split", "pictures", "captions", "each", "words", "vocabulary", "opened", "broken", "size")
    rows = Table(*names, box=None)
    for content in looks:
        facts = content.numbers()
        counts = [f"{facts[name]:,}" for name in ("pictures", "captions")]
        spans = [span(facts[name]) for name in ("captions_a_picture", "words_a_caption")]
        files = [f"{facts['vocabulary']:,}", f"{content.opened:,}", f"{len(content.broken):,}"]
        size = "x".join(str(facts[side][2]) for side in ("width", "height") if facts[side])  # medians
        rows.add_row(content.split, *counts, *spans, *files, size)
    return rows


def span(quartiles: Sequence[int]) -> str:
    """`5` or `3-11-40`: least, median, greatest."""
    return "-".join(str(value) for value in dict.fromkeys(quartiles[::2])) or "none"


def problems(content: Look) -> list[str]:
    lines = [f"{content.split}: {line}" for line in content.left_out.lines()]
    lines += [f"{content.split}: broken: {reason}" for reason in list(content.broken.values())[:NAMED]]
    rest = len(content.broken) - NAMED
    if rest > 0:
        lines.append(f"{content.split}: and {rest:,} more are broken; --out DIR lists them in data.json")
    return lines


def written(out: Path, looks: Sequence[Look], source: str) -> list[Path]:
    numbers = {"source": source, "splits": {content.split: content.numbers() for content in looks}}
    write_json(out / FILE, numbers)
    return [out / FILE, *write(out, {content.split: content.shown for content in looks}, source)]
