"""Caption a split with a trained run and score it: captions-<split>.jsonl and scores-<split>.json in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from captioner.checkpoint import model_folder
from captioner.config import Run, from_dict
from captioner.data import load
from captioner.device import device_of
from captioner.generate import captions_of
from captioner.models.captioner import Captioner
from captioner.models.features import FeatureStore
from captioner.validation import metric_checkpoint
from captioner.writing import write_lines
from metric.clip import load_clip
from metric.embed import Embedder
from metric.evaluate import Scores, evaluate, expand_names


def evaluate_run(folder: Path, split: str, names: Sequence[str], pac: str = "", checker: str = "") -> Scores:
    """Caption and score one split; prints the corpus scores."""
    run = read_run(folder)
    wanted = expand_names(names)
    device = device_of("auto")
    clip = load_clip(run.clip, device)
    captioner = Captioner.from_pretrained(model_folder(str(folder))).to(device)
    captioner.config.refuse_other_clip(clip)
    examples = load(run.data, split)
    features = FeatureStore.build(examples, clip, Path(run.features) if run.features else None)
    for name, reason in features.skipped.items():
        print(f"skipped {name}: {reason}")
    examples = [example for example in examples if example.id not in features.skipped]
    captions = captions_of(captioner, examples, features, run.decode, progress=True)
    write_lines(folder / f"captions-{split}.jsonl", captions)
    metric = pac or metric_checkpoint(run)
    scores = evaluate(
        captions,
        examples,
        wanted,
        clip=Embedder(clip),
        pac=Embedder(load_clip(metric, device)) if metric else None,
        checker=checker or run.checker,
    )
    scores.save(folder / f"scores-{split}.json")
    scores.save_per_caption(folder / f"scores-{split}.csv")
    show({str(folder): scores})
    return scores


def read_run(folder: Path) -> Run:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder} is not a run: it has no config.json; `captioner train --out {folder}` makes one")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg} at line {error.lineno}") from None
    if not isinstance(content, dict) or not {"xe", "scst", "decode"} <= content.keys():
        raise ValueError(f"{folder} is not a run of `captioner train`: its config.json is of something else")
    return from_dict(Run, content)


def show(runs: Mapping[str, Scores]) -> None:
    """Corpus scores, a column a run; then what was skipped and the facts beside the numbers."""
    console = Console(markup=False, highlight=False)  # [ ] in a path or a reason is no style
    table = Table("score", *runs, box=None)
    for name in dict.fromkeys(name for scores in runs.values() for name in scores.corpus):
        table.add_row(name, *(f"{scores.corpus[name]:.4f}" for scores in runs.values()))
    console.print(table)
    for scores in runs.values():
        for name, fact in scores.facts.items():
            console.print(f"{name}: {fact}", soft_wrap=True)
        for name, reason in scores.skipped.items():
            console.print(f"skipped {name}: {reason}", soft_wrap=True)
