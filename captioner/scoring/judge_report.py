"""`captioner metric judge`: metrics against people, on the benchmarks of the field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from captioner.scoring.metric_scorers import Metrics
from metric.judgement.benchmarks import load_benchmark
from metric.judgement.judge import Judgement, judge
from metric.runtime.device import device_of
from metric.storage.atomic_files import write_json


def report_judgement(
    benchmark: str,
    root: Path,
    metrics: str = "",
    rewards: Sequence[str] = (),
    clip: str = "scenes-clip",
    references: int = 0,
    resamples: int = 200,
    device: str = "auto",
    out: Path | None = None,
) -> Judgement:
    """Print how metrics and rewards agree with people on a benchmark, and write it to `out` as JSON.

    `metrics` are specs with commas between them. `references` is the most references an item has, 0 for all;
    `resamples` is the number of resamples of the bootstrap, 0 for no intervals. Raises ValueError for unknown names.
    """
    asked = Metrics.of(metrics, rewards, clip, device_of(device))
    loaded = load_benchmark(benchmark, root, references, asked.look)
    scorers = asked.scorers([item.example for item in loaded.items], loaded.corpus, loaded.frames)
    judgement = judge(loaded, scorers, resamples, asked.facts)
    show(judgement)
    if out:
        write_json(out, judgement.record())
    return judgement


def show(judgement: Judgement) -> None:
    """Print the protocol, the items that were left out, and a row a metric with the published values below it."""
    console = Console(markup=False, highlight=False)
    benchmark = judgement.benchmark
    count = f"{len(benchmark.verdict)} data points, {len(benchmark.items)} captions"
    console.print(f"{benchmark.name}: {count}\nprotocol: {benchmark.protocol}", soft_wrap=True)
    for reason, names in benchmark.left_out.items():
        console.print(f"left out, {reason}: {len(names)}, the first {names[0]}", soft_wrap=True)
    record = judgement.record()["metrics"]
    columns = list(dict.fromkeys(key for of in judgement.metrics.values() for key in of))
    table = Table("metric", *columns, box=None)
    for name, row in record.items():
        table.add_row(name, *(cell(row, column) for column in columns))
        if "published" in row:
            table.add_row("  published", *(number(row["published"].get(column, "")) for column in columns))
    console.print(table)
    for name, fact in judgement.facts.items():
        console.print(f"{name}: {fact}", soft_wrap=True)


def cell(row: dict[str, Any], column: str) -> str:
    """`.436 [.424, .447]`"""
    if column not in row:
        return ""
    interval = row.get("interval", {}).get(column)
    return number(row[column]) + (f" [{number(interval[0])}, {number(interval[1])}]" if interval else "")


def number(value: float | str | None) -> str:
    return "undefined" if value is None else value if isinstance(value, str) else f"{value:.5f}"
