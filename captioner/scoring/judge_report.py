"""`captioner metric judge`: metrics against people, on the benchmarks of the field."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from captioner.scoring.metric_scorers import Metrics
from metric.judgement import load_benchmark
from metric.judgement.judge import Judgement, judge
from metric.runtime.device import device_of
from metric.storage.atomic_files import write_json


def run_judge(args: argparse.Namespace) -> None:
    metrics = Metrics.of(args.metrics, args.reward, args.clip, device_of(args.device))
    benchmark = load_benchmark(args.benchmark, args.root, args.references, metrics.look)
    scorers = metrics.scorers([item.example for item in benchmark.items], benchmark.corpus)
    judgement = judge(benchmark, scorers, args.resamples, metrics.facts)
    show(judgement)
    if args.out:
        write_json(args.out, judgement.record())


def show(judgement: Judgement) -> None:
    """The protocol, what was left out, and a row a metric, the published value below ours."""
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
