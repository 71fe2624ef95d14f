"""`captioner metric judge`: metrics against people, on the benchmarks of the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from captioner.scoring.metric_scorers import Metrics
from metric.judgement.benchmark import Benchmark
from metric.judgement.benchmarks import load_benchmark
from metric.judgement.benchmarks.flickr8k import OWN
from metric.judgement.check import PICTURES
from metric.judgement.judge import Judgement, Pair, judge
from metric.judgement.short_names import short_names
from metric.runtime.device import device_of
from metric.storage.atomic_files import write_json
from metric.storage.ledger import report_all


@dataclass(frozen=True)
class Task:
    """What is judged, and how."""

    metrics: str = ""
    """specs of scores and rewards with commas between them"""
    rewards: Sequence[str] = ()
    clip: str = "scenes-clip"
    references: int = 0
    """most references of an item, 0 for all"""
    resamples: int = 200
    """resamples of the bootstrap, 0 for no intervals and no differences"""
    device: str = "auto"
    protocol: str = ""
    """version of the protocol, "" for the usual one"""
    precision: str = "fp32"
    """of the CLIPs of scores that name none"""
    ties: str = ""
    """worth of a tie of a pair, "" for the benchmark's own"""


def report_judgement(benchmark: str, root: Path, task: Task, out: Path | None = None) -> Judgement:
    """Print how metrics and rewards agree with people on a benchmark, and write it to `out` as JSON.

    Raises ValueError for unknown names.
    """
    judgement = judged(benchmark, root, task)
    show(judgement)
    if out:
        write_json(out, judgement.record())
    return judgement


def judged(benchmark: str, root: Path, task: Task) -> Judgement:
    """The agreement of the metrics with people. Raises ValueError for unknown names, and without any metric."""
    chosen = Metrics.from_specs(task.metrics, task.rewards, task.clip, device_of(task.device), task.precision)
    loaded = loaded_for(benchmark, root, task, chosen.look)
    scorers = chosen.scorers([item.example for item in loaded.items], loaded.corpus, loaded.frames)
    return judge(loaded, scorers, task.resamples, chosen.facts)


def loaded_for(benchmark: str, root: Path, task: Task, look: bool) -> Benchmark:
    """The benchmark. What it left out goes to the ledger, but for what its protocol leaves out."""
    loaded = load_benchmark(benchmark, root, task.references, look, task.protocol, task.ties)
    for reason, names in loaded.left_out.items():
        if reason != OWN:
            report_all(str(root), dict.fromkeys(names, reason), "picture" if reason in PICTURES else "caption")
    return loaded


def show(judgement: Judgement) -> None:
    """Print the protocol, what was left out, a row a metric with interval and published values, and differences."""
    console = Console(markup=False, highlight=False)
    benchmark = judgement.benchmark
    count = f"{len(benchmark.verdict)} data points, {len(benchmark.items)} captions"
    console.print(f"{benchmark.name}: {count}\nprotocol: {benchmark.rule}", soft_wrap=True)
    if own := benchmark.left_out.get(OWN):  # the ledger has told the others
        console.print(f"left out, {OWN}: {len(own)}, the first {own[0]}", soft_wrap=True)
    short = short_names(judgement.metrics)
    console.print(agreement_table(judgement, short))
    usual = [pair for pair in judgement.pairs if pair.result == benchmark.quoted]
    if usual:
        console.print(difference_table(usual, short))
    for name, fact in judgement.facts.items():
        console.print(f"{short.get(name, name)}: {fact}", soft_wrap=True)


def agreement_table(judgement: Judgement, short: Mapping[str, str]) -> Table:
    """A row a metric, below it a row of 95 % intervals and a row of published figures of the same protocol."""
    columns = list(dict.fromkeys(key for values in judgement.metrics.values() for key in values))
    table = Table("metric", *columns, box=None)
    for name, row in judgement.record()["metrics"].items():
        table.add_row(short[name], *(number(row.get(column, "")) for column in columns))
        if "interval" in row:
            table.add_row("  95 %", *(span(row["interval"].get(column)) for column in columns))
        if "published" in row:
            table.add_row("  published", *(number(row["published"].get(column, "")) for column in columns))
    return table


def difference_table(pairs: Sequence[Pair], short: Mapping[str, str]) -> Table:
    """How much more the second of two metrics agrees with people than the first."""
    table = Table("second minus first", pairs[0].result, "95 %", "p", box=None)
    for pair in pairs:
        interval = span([pair.low, pair.high])
        table.add_row(
            f"{short[pair.second]} - {short[pair.first]}", f"{pair.difference:+.5f}", interval, f"{pair.p:.3f}"
        )
    return table


def span(interval: Sequence[float] | None) -> str:
    """`[0.424, 0.447]`, "" for none."""
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""


def number(value: Any) -> str:
    return "undefined" if value is None else value if isinstance(value, str) else f"{value:.5f}"
