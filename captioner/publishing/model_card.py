"""Model cards: the README.md of a repository on the hub, made from the records of a run alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from captioner.comparison.report import LEGEND, markdown_cell, notes
from captioner.comparison.table import Comparison
from captioner.config import Run, from_dict
from captioner.pages import render
from captioner.runs.labels import brief, label
from captioner.runs.reached import unfinished_run
from captioner.runs.stages import stages as of_run
from metric.clip.model import Clip
from metric.runtime.installed import version_of
from metric.spec import split_spec
from rewards.spec import parse

BY_CLIP = {
    "clips",
    "refclips",
    "pacs",
    "refpacs",
    "pacspp",
    "refpacspp",
    "pacspphard",
    "refpacspphard",
}  # rewards that a CLIP computes
STAGES = {"xe": "cross-entropy", "rl": "reward stage"}
PARTS = {"xe": "xe", "reward": "rl"}  # settings of a stage in config.json


def captioner_card(
    repo: str, run: Path, config: dict[str, Any], parameters: int, comparison: Comparison | None, licence: str
) -> str:
    """The card of a captioner, in Markdown.

    `config` is the content of the run's config.json. `comparison` has the run among its rows, or is None without
    scores.
    """
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
        by_clip=sorted({reward.name for reward in rewards} & BY_CLIP),
        data=public(config["data"]),
        stages=stages(config),
        unfinished=unfinished_run(str(run)),
        parameters=parameters,
        comparison=comparison,
        table=table(comparison) if comparison else [],
        notes=notes(comparison) if comparison else [],
        legend=LEGEND,
        licence=licence,
        version=version_of("captioner"),
    )


def metric_card(repo: str, clip: Clip, recorded: dict[str, Any], licence: str) -> str:
    """The card of a metric, in Markdown. `recorded` has settings, provenance and report of the run, or empty dicts."""
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
        version=version_of("captioner"),
        score="pac_spp_hard" if clip.negatives else "pac_spp",
        reward="pacspp_hard" if clip.negatives else "pacspp",
        **recorded,
    )


def results(comparison: Comparison, run: Path) -> list[EvalResult]:
    """The scores of `run` in the hub's format."""
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
    """The lines of a Markdown table: a line a score, a column for each row of the comparison."""
    labels = [row.label.replace("|", "\\|") for row in comparison.rows]
    lines = [["", *labels], [":--", *("--:" for _ in labels)]]
    lines.append(["seeds", *(", ".join(map(str, row.seeds)) for row in comparison.rows)])
    lines.append(["scored model", *(row.models.replace("|", "\\|") for row in comparison.rows)])
    for column in comparison.columns:
        lines.append([column.title, *map(markdown_cell, comparison.line(column))])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def stages(config: dict[str, Any]) -> dict[str, str]:
    """The settings of each stage that the run had: `steps 10000, batch_size 50, lr 5e-6, ...`."""
    parts = [PARTS[stage] for stage in of_run(from_dict(Run, config))]
    return {STAGES[part]: ", ".join(f"{name} {brief(value)}" for name, value in config[part].items()) for part in parts}


def public(spec: str) -> str:
    """The name and options of a data set, without paths on a disk."""
    name, options = split_spec(spec)
    if "/" in name or not spec.partition(":")[2]:
        return name.rstrip("/").rpartition("/")[2]
    kept = [f"{option}={value}" for option, value in options.items() if "/" not in value]
    return f"{name}:{','.join(kept)}" if kept else name
