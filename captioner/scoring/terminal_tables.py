"""Scores as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from metric.scores.bootstrap import Difference
from metric.scores.result import Scores


def show(runs: Mapping[str, Scores]) -> None:
    """Print corpus scores, a column a run; then the facts, and the skipped scores, a line a reason."""
    console = Console(markup=False, highlight=False)  # [ ] in a path or a reason is no style
    table = Table("score", *runs, box=None)
    for name in dict.fromkeys(name for scores in runs.values() for name in scores.corpus):
        table.add_row(name, *(cell(scores, name) for scores in runs.values()))
    console.print(table)
    facts = dict.fromkeys(item for scores in runs.values() for item in scores.facts.items())
    for name, fact in facts:
        console.print(f"{name}: {fact}", soft_wrap=True)
    for line in skipped(dict(item for scores in runs.values() for item in scores.skipped.items())):
        console.print(line, soft_wrap=True)


def skipped(reasons: Mapping[str, str]) -> list[str]:
    """Lines such as `skipped meteor, spice: java is not on the PATH`. Reasons that begin alike share a line."""
    groups: dict[str, dict[str, str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason.partition("; ")[0], {})[name] = reason
    lines = []
    for start, reason_of in groups.items():
        different = set(reason_of.values())
        lines.append(f"skipped {', '.join(reason_of)}: {different.pop() if len(different) == 1 else start}")
    return lines


def cell(scores: Scores, name: str) -> str:
    """`0.1234 [0.1200, 0.1270]`: the interval where there is one."""
    if name not in scores.corpus:
        return "–"
    low_high = ", ".join(f"{end:.4f}" for end in scores.intervals.get(name, ()))
    return f"{scores.corpus[name]:.4f}" + (f" [{low_high}]" if low_high else "")


def show_differences(one: str, two: str, differences: Mapping[str, Difference]) -> None:
    console = Console(markup=False, highlight=False)
    table = Table("score", f"{two} minus {one}", "95 % interval", "p", box=None)
    for name, measured in differences.items():
        table.add_row(
            name,
            f"{measured.difference:+.4f}",
            f"{measured.low:+.4f} to {measured.high:+.4f}",
            f"{measured.p:.3f}",
        )
    console.print(table)
