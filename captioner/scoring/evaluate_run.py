"""Caption a split with a trained run and score it: captions-<split>.jsonl and scores-<split>.json in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from captioner.config import decode_with
from captioner.data import load
from captioner.data.caption_files import write_lines
from captioner.decoding.generate import captions_of
from captioner.features.store import FeatureStore, folder_of, known_ids, reasons
from captioner.model.encoder_decoder import Captioner
from captioner.model.pretrained import checkpoint_of
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.reached import place, unfinished
from captioner.scoring.terminal_tables import show
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.evaluation import evaluate, open_sources
from metric.runtime.console import tell
from metric.runtime.device import device_of
from metric.scores.catalogue import request
from metric.scores.family import Defaults
from metric.scores.result import Scores
from metric.storage.atomic_files import write_json
from metric.storage.checkpoint_folders import Position, position
from metric.storage.ledger import report_all
from metric.storage.run_files import LAST


def evaluate_run(
    folder: Path, split: str, specs: Sequence[str], model: str = LAST.name, decoding: Mapping[str, Any] = {}
) -> Scores:
    """Caption and score one split of a run's data, write both files and print the corpus scores.

    `model` is a name in the folder checkpoints of the run: last, best, or a step such as reward-000150. `decoding`
    replaces settings of the run by name, such as beams.
    Options that `specs` leave open, such as a tuned CLIP, are those of the run. Raises ValueError for a wrong spec.
    """
    files = RunFolder(folder)
    run = files.run
    requested = request(specs)
    device = device_of("auto")
    clip = load_clip(run.clip, device)
    checkpoint = checkpoint_of(folder, model)  # looked up once: the run may be training
    captioner = Captioner.from_pretrained(checkpoint).to(device)
    at = position(checkpoint)
    newest = at if model == LAST.name else position(checkpoint_of(folder, LAST.name))
    tell_place(files, model, at, newest)
    decode = decode_with(run.decode, decoding)
    captioner.config.refuse_longer(decode.max_length)
    captioner.config.refuse_other_clip(clip)
    examples = load(run.data, split, known_ids(run.features))
    features = FeatureStore.build(examples, clip, folder_of(run.features))
    report_all(run.data, reasons(features.skipped, examples))
    examples = [example for example in examples if example.id not in features.skipped]
    typed = any("checkpoint" in requested.options.get(source, {}) for source in ("pac", "pac_hard"))
    metric = "" if typed else run.pac_checkpoint
    pac = Embedder(load_clip(metric, device, run.pac_scale)) if metric else None
    defaults = Defaults(Embedder(clip), pac, run.checker, str(device))
    # a wrong option is refused before the captions are replaced
    open_sources(requested.names, requested.options, defaults)
    captions = captions_of(captioner, examples, features, decode)
    write_lines(files.captions_file(split), captions)
    scores = evaluate(captions, examples, specs, defaults.clip, defaults.pac, defaults.checker, defaults.device)
    record = {"name": model, **asdict(at)} | ({"run": asdict(newest)} if newest != at else {})
    write_json(files.scores_file(split), scores.record() | {"checkpoint": record, "decode": asdict(decode)})
    scores.save_per_caption(files.caption_scores_file(split))
    show({str(folder): scores})
    return scores


def tell_place(files: RunFolder, model: str, at: Position, newest: Position) -> None:
    """Tell which model is evaluated, where it is not the last one of a finished run."""
    if model != LAST.name:
        tell([f"{files.path}: checkpoint {model} is {place(files.run, at.stage, at.step)}"])
    if rest := unfinished(files.run, files.metrics, newest.stage, newest.step):
        tell([f"{files.path} is not finished: {rest}; `{resuming(files.path)}` goes on"])
