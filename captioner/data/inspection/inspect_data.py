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
from metric.storage.atomic_files import write_json

WHOLE = "all"  # the name of the only split of a data set without splits
NAMED = 10  # broken files of a split that are printed; data.json has all


def show(spec: str, wanted: Sequence[str], out: Path | None, opened: int, shown: int) -> bool:
    """True if no picture was broken or left out."""
    source = recognise(spec, DATA)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{spec} is {source}" if str(source) != spec else str(source))
    for other in source.others:
        console.print(f"there is also {other}")
    looks = [look(read(spec, split), split, opened, shown) for split in wanted or split_names(spec) or [WHOLE]]
    console.print(table(looks))
    for each in looks:
        for line in problems(each):
            console.print(line)
    if out:
        for path in written(out, looks, str(source)):
            console.print(f"wrote {path}")
    return not any(each.broken or each.left_out.counts for each in looks)


def table(looks: Sequence[Look]) -> Table:
    names = ("split", "pictures", "captions", "each", "words", "vocabulary", "opened", "broken", "size")
    table = Table(*names, box=None)
    for each in looks:
        facts = each.numbers()
        counts = [f"{facts[name]:,}" for name in ("pictures", "captions")]
        spans = [span(facts[name]) for name in ("captions_a_picture", "words_a_caption")]
        files = [f"{facts['vocabulary']:,}", f"{each.opened:,}", f"{len(each.broken):,}"]
        size = "x".join(str(facts[side][2]) for side in ("width", "height") if facts[side])  # medians
        table.add_row(each.split, *counts, *spans, *files, size)
    return table


def span(quartiles: Sequence[int]) -> str:
    """`5` or `3-11-40`: least, median, greatest."""
    return "-".join(str(value) for value in dict.fromkeys(quartiles[::2])) or "none"


def problems(each: Look) -> list[str]:
    lines = [f"{each.split}: {line}" for line in each.left_out.lines()]
    lines += [f"{each.split}: broken: {reason}" for reason in list(each.broken.values())[:NAMED]]
    rest = len(each.broken) - NAMED
    if rest > 0:
        lines.append(f"{each.split}: and {rest:,} more are broken; --out DIR lists them in data.json")
    return lines


def written(out: Path, looks: Sequence[Look], source: str) -> list[Path]:
    numbers = {"source": source, "splits": {each.split: each.numbers() for each in looks}}
    write_json(out / "data.json", numbers)
    return [out / "data.json", *write(out, {each.split: each.shown for each in looks}, source)]
