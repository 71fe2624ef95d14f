"""`captioner metric audit`: the table and the plot of metrics' answers to corrupted captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from captioner.data import load
from captioner.scoring.audit_plot import draw_audit
from captioner.scoring.metric_scorers import Metrics
from metric.example import Example
from metric.judgement.audit import Audit, Row, as_csv, as_markdown, audit, with_kinship
from metric.readable import readable
from metric.runtime.device import device_of
from metric.storage.atomic_files import write, write_json
from metric.storage.ledger import report_all


def report_audit(
    out: Path,
    data: str = "scenes",
    split: str = "val",
    count: int = 500,
    metrics: str = "",
    rewards: Sequence[str] = (),
    clip: str = "scenes-clip",
    seed: int = 0,
    device: str = "auto",
    precision: str = "fp32",
) -> Audit:
    """Print how metrics and rewards answer to corrupted captions, and write table and plot to the folder `out`.

    The captions are those of the first `count` pictures of a data set with references, 0 for all. `metrics` are
    specs with commas between them. Raises ValueError for unknown names.
    """
    chosen = Metrics.from_specs(metrics, rewards, clip, device_of(device), precision)
    examples = auditable(load(data, split)[: count or None], data, chosen.look)
    audited = with_kinship(audit(examples, chosen.scorers(examples), seed), chosen.negative_kinds)
    show(audited, chosen.facts)
    save(audited, {"data": data, "split": split, "seed": seed, "facts": chosen.facts}, out)
    return audited


def auditable(examples: Sequence[Example], data: str, look: bool) -> list[Example]:
    """The examples with a caption to make worse and, where a metric looks at pictures, with a readable picture.

    Raises ValueError without any.
    """
    report_all(data, {example.id: "it has no caption" for example in examples if not example.references})
    captioned = [example for example in examples if example.references]
    found = readable(captioned, data) if look else captioned
    if not found:
        raise ValueError(f"--data {data} has no picture with a caption to audit; give data with references")
    return found


def show(audited: Audit, facts: dict[str, str]) -> None:
    """A row a corruption, a column a metric."""
    console = Console(markup=False, highlight=False)
    short = audited.short
    hardened = [f"in training of {short[metric]}" for metric in audited.hardened]
    table = Table("corruption", "captions", "not for", *short.values(), *hardened, box=None)
    for corruption in audited.corruptions:
        rows = [audited.row(corruption, metric) for metric in audited.metrics]
        cells = [*map(brief, rows), *(row.met for row in rows if row.met)]
        table.add_row(corruption, str(rows[0].count), str(rows[0].not_applicable), *cells)
    console.print(table)
    console.print("% of pairs whose corrupted caption scores higher, mean margin in standard deviations")
    for name, fact in facts.items():
        console.print(f"{short.get(name, name)}: {fact}", soft_wrap=True)


def brief(row: Row) -> str:
    margin = "" if math.isnan(row.margin_sd) else f" {row.margin_sd:+.2f}"
    return f"{100 * row.higher:.1f}{margin}" if row.count else "-"


def save(audited: Audit, settings: dict[str, Any], out: Path) -> None:
    """Write audit.md, audit.csv, audit.json and audit.png to the folder. The JSON file begins with the settings."""
    samples = audited.samples.items()
    record = {
        **settings,
        "samples": {name: {"original": before, "corrupted": after} for name, (before, after) in samples},
        "rows": [without_nan(row) for row in audited.rows],
    }
    write_json(out / "audit.json", record)
    write(out / "audit.md", as_markdown(audited))
    write(out / "audit.csv", as_csv(audited))
    draw_audit(audited, out / "audit.png", audited.short)


def without_nan(row: Row) -> dict[str, Any]:
    values = asdict(row).items()
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values}
