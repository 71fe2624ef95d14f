"""The filter of positives: a threshold on CLIP's cosine. Positives below it are not used, and none is deleted.

`positives.json` in the folder of the shards holds the settings and, once all shards are there, the filter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metric.positives.config import FilterConfig
from metric.positives.shards import Sample
from metric.storage.atomic_files import write_json
from metric.storage.ledger import Ledger, record

KINDS = ("text", "image")
MADE = {"text": "caption", "image": "picture"}  # the noun of a kind
ABOUT = "positives.json"


def read_about(folder: Path) -> dict[str, Any]:
    """The content of `positives.json`; empty for shards of other programs."""
    path = folder / ABOUT
    return json.loads(path.read_text()) if path.is_file() else {}


def write_about(folder: Path, about: dict[str, Any]) -> None:
    write_json(folder / ABOUT, about)


def threshold(similarities: Sequence[float], filtering: FilterConfig) -> float | None:
    """The least similarity that is used; None uses all. A share to drop is rounded down."""
    if filtering.drop and similarities:
        return sorted(similarities)[int(filtering.drop * len(similarities))]
    return filtering.min_similarity if filtering.min_similarity > -1 else None


def select(samples: Iterable[Sample], filtering: FilterConfig) -> dict[str, Any]:
    """For captions and pictures: number made, threshold, number and share dropped, reasons for those not made."""
    values: dict[str, list[float | None]] = {kind: [] for kind in KINDS}
    skipped: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    not_made = Ledger()
    for sample in samples:
        for kind in KINDS:
            facts = sample.record.get(kind, {})
            if "skipped" in facts:
                skipped[kind][facts["skipped"]] = skipped[kind].get(facts["skipped"], 0) + 1
                not_made.add("positives", MADE[kind], sample.record["id"], facts.get("reason", facts["skipped"]))
            elif facts:
                values[kind].append(facts["similarity"])
    record(not_made)
    return {kind: {**outcome(values[kind], filtering), "skipped": skipped[kind]} for kind in KINDS}


def outcome(similarities: Sequence[float | None], filtering: FilterConfig) -> dict[str, Any]:
    values = [value for value in similarities if value is not None]
    limit = threshold(values, filtering)
    dropped = 0 if limit is None else sum(value < limit for value in values)
    share = dropped / max(len(similarities), 1)
    return {"made": len(similarities), "threshold": limit, "dropped": dropped, "share": share}


def used(sample: Sample, kind: str, about: dict[str, Any]) -> bool:
    """Whether the caption or the picture of a sample passes the filter."""
    limit = about.get("filter", {}).get(kind, {}).get("threshold")
    return limit is None or sample.record[kind]["similarity"] >= limit
