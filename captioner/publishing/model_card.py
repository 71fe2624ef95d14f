"""Model cards, README.md of a repository on the hub: what a run recorded about itself, and nothing else."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from captioner.comparison.report import LEGEND, markdown_cell, notes
from captioner.comparison.table import Comparison
from captioner.pages import render
from captioner.runs.outcome import brief, label
from metric.clip.model import Clip
from metric.spec import split_spec
from rewards.spec import parse

LIKENESS = {"clips", "refclips", "pacs", "refpacs", "pacspp", "refpacspp"}  # rewards by a CLIP
WHOLE = {"xe": "cross-entropy", "rl": "reward stage"}


def captioner_card(
    repo: str, run: Path, config: dict[str, Any], parameters: int, comparison: Comparison | None, licence: str
) -> str:
    """`config` is that of `run`, one of those in `comparison`."""
    rewards = [parse(text) for text in config["rewards"]]
    data = ModelCardData(
        license=licence,
        library_name="captioner",
        pipeline_tag="image-to-text",
        language="en",
        tags=["image-captioning", *(reward.name for reward in rewards)],
        model_name=repo.partition("/")[2],
        eval_results=results(comparison, run) if comparison else None,
    )
    return render(
        "captioner_card.md.j2",
        header=data.to_yaml(),
        repo=repo,
        config=config,
        trained=label(rewards),
        looks_alike=sorted({reward.name for reward in rewards} & LIKENESS),
        data=public(config["data"]),
        stages=stages(config),
        parameters=parameters,
        comparison=comparison,
        table=table(comparison) if comparison else [],
        notes=notes(comparison) if comparison else [],
        legend=LEGEND,
        licence=licence,
        version=version("captioner"),
    )


def metric_card(repo: str, clip: Clip, recorded: dict[str, Any], licence: str) -> str:
    """`recorded` is what its run says: settings, provenance, report, each of them perhaps empty."""
    data = ModelCardData(
        license=licence,
        library_name="open_clip",
        pipeline_tag="zero-shot-image-classification",
        tags=["clip", "image-captioning", "evaluation", "pac-s++"],
        model_name=repo.partition("/")[2],
    )
    return render(
        "metric_card.md.j2",
        header=data.to_yaml(),
        repo=repo,
        fingerprint=clip.fingerprint,
        parameters=sum(parameter.numel() for parameter in clip.model.parameters()),
        licence=licence,
        version=version("captioner"),
        **recorded,
    )


def results(comparison: Comparison, run: Path) -> list[EvalResult]:
    """The run's scores, as the hub lists them."""
    outcome = next(outcome for outcome in comparison.outcomes if outcome.folder == run)
    data = outcome.config["data"]
    return [
        EvalResult(
            task_type="image-to-text",
            dataset_type=data.partition(":")[0],
            dataset_name=public(data),
            dataset_split=comparison.split,
            metric_type=column.name,
            metric_name=column.title,
            metric_value=round(outcome.corpus[column.name], 4),
        )
        for column in comparison.columns
        if column.name in outcome.corpus
    ]


def table(comparison: Comparison) -> list[str]:
    """Markdown, a line a score, a column a row of the comparison."""
    labels = [row.label.replace("|", "\\|") for row in comparison.rows]
    lines = [["", *labels], [":--", *("--:" for _ in labels)]]
    lines.append(["seeds", *(", ".join(map(str, row.seeds)) for row in comparison.rows)])
    for column in comparison.columns:
        lines.append([column.title, *map(markdown_cell, comparison.line(column))])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def stages(config: dict[str, Any]) -> dict[str, str]:
    """Of each stage that was run its settings: `10000 steps, batch_size 50, lr 5e-6, ...`."""
    run = [] if config["init"] else ["xe"]
    run += ["rl"] if config["rewards"] else []
    return {WHOLE[part]: ", ".join(f"{name} {brief(value)}" for name, value in config[part].items()) for part in run}


def public(spec: str) -> str:
    """A data set's name and options without places on somebody's disk."""
    name, options = split_spec(spec)
    if "/" in name or not spec.partition(":")[2]:
        return name.rstrip("/").rpartition("/")[2]
    kept = [f"{option}={value}" for option, value in options.items() if "/" not in value]
    return f"{name}:{','.join(kept)}" if kept else name
