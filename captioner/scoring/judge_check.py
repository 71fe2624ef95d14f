"""`captioner metric judge --check`: ours against every published figure."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from captioner.scoring.judge_report import Task, judged, loaded_for, show
from captioner.scoring.metric_scorers import Metrics
from metric.judgement.benchmark_files import MissingFile
from metric.judgement.benchmarks import BENCHMARKS
from metric.judgement.check import AGREES, DIFFERS, OTHER, Line, lines, missing
from metric.judgement.published import PUBLISHED
from metric.runtime.device import device_of
from metric.scores.catalogue import SCORES
from metric.storage.atomic_files import write_json


def check_published(benchmark: str, root: Path, task: Task, out: Path | None = None) -> Counter[str]:
    """Print ours beside the published figures of a benchmark, of all benchmarks for "". -> verdict -> count.

    Without a metric in `task`, the published scores are computed that need no weights. The files of each benchmark are
    in ROOT/NAME or ROOT. Raises ValueError for unknown names, and for a file of the one benchmark that is not there.
    """
    if not benchmark and (task.protocol or task.ties):
        raise ValueError("--protocol and --ties belong to one benchmark; type --benchmark NAME too")
    found = list(checked(benchmark, root, task) if benchmark else checked_all(root, task))
    tell(found)
    for name in [benchmark] if benchmark else BENCHMARKS:
        if not any(row.benchmark == name for row in PUBLISHED):
            print(f"{OTHER}: {name}: no published figure is known here")
    if out:
        write_json(out, {"check": [line.record() for line in found]})
    return Counter(line.verdict for line in found)


def checked_all(root: Path, task: Task) -> Iterator[Line]:
    """The lines of all benchmarks. What keeps one from being judged, such as a broken file, is the reason there.

    Raises ValueError for unknown metrics and for a root that is no folder, before any work.
    """
    if not root.is_dir():
        raise ValueError(f"--root {root} is not a folder")
    if task.metrics or task.rewards:
        Metrics.from_specs(task.metrics, task.rewards, task.clip, device_of(task.device))
    for name in BENCHMARKS:
        try:
            yield from checked(name, root / name if (root / name).is_dir() else root, task)
        except MissingFile as error:
            yield from missing(name, str(error).partition(";")[0])
        except ValueError as error:
            yield from missing(name, " ".join(str(error).split()))


def checked(benchmark: str, root: Path, task: Task) -> tuple[Line, ...]:
    """The lines of one benchmark. Raises MissingFile where its files are not there."""
    metrics = task.metrics or ("" if task.rewards else ",".join(without_weights(benchmark)))
    if not metrics and not task.rewards:
        return tuple(lines(loaded_for(benchmark, root, task, look=False), {}, {}))
    judgement = judged(benchmark, root, replace(task, metrics=metrics))
    show(judgement)
    return judgement.check


def without_weights(benchmark: str) -> Iterable[str]:
    """The published scores of a benchmark that need no weights, METEOR only with Java."""
    families = {"classic", "text"}
    names = dict.fromkeys(row.metric for row in PUBLISHED if row.benchmark == benchmark)
    java = ("meteor",) if shutil.which("java") else ()
    return [name for name in names if SCORES[name].family in families or name in java]


def tell(found: Sequence[Line]) -> None:
    """Print what can be compared figure by figure, and what cannot by its reason."""
    console = Console(markup=False, highlight=False)
    table = Table("check", "result", "ours", "published", "tolerance", "", box=None)
    for line in found:
        if line.verdict != OTHER:
            figures = f"{line.ours:.5f}", f"{line.published:g}", f"{line.tolerance:g}"
            table.add_row(f"{line.benchmark} {line.metric}", line.result, *figures, line.verdict)
    if table.row_count:
        console.print(table)
    for (benchmark, why), group in by_reason(found).items():
        metrics = ", ".join(dict.fromkeys(line.metric for line in group))
        console.print(f"{OTHER}: {benchmark} {metrics}: {why}", soft_wrap=True)


def by_reason(found: Iterable[Line]) -> dict[tuple[str, str], list[Line]]:
    """Benchmark and reason -> the figures that cannot be compared for it."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in found:
        if line.verdict == OTHER:
            groups.setdefault((line.benchmark, line.why), []).append(line)
    return groups


def summary(counts: Counter[str]) -> str:
    """`4 figures agree, 0 differ, 12 cannot be compared`."""
    return f"{counts[AGREES]} figures agree, {counts[DIFFERS]} differ, {counts[OTHER]} cannot be compared"
