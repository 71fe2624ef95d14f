"""Caption a split with a trained run and score it: captions-<split>.jsonl and scores-<split>.json in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from captioner.data import load
from captioner.data.caption_files import write_lines
from captioner.decoding.generate import captions_of
from captioner.features.store import FeatureStore, folder_of, known_ids, reasons
from captioner.model.encoder_decoder import Captioner
from captioner.model.pretrained import model_folder
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.reached import unfinished
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
from metric.storage.checkpoint_folders import position
from metric.storage.ledger import report_all


def evaluate_run(folder: Path, split: str, specs: Sequence[str]) -> Scores:
    """Caption and score one split of a run's data, write both files and print the corpus scores.

    Options that `specs` leave open, such as a tuned CLIP, are those of the run. Raises ValueError for a wrong spec.
    """
    files = RunFolder(folder)
    run = files.run
    requested = request(specs)
    device = device_of("auto")
    clip = load_clip(run.clip, device)
    checkpoint = model_folder(str(folder))  # looked up once: the run may be training
    captioner = Captioner.from_pretrained(checkpoint).to(device)
    place = position(Path(checkpoint))
    if rest := unfinished(run, place.stage, place.step):
        tell([f"{folder} is not finished: {rest}; `{resuming(folder)}` goes on"])
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
    captions = captions_of(captioner, examples, features, run.decode)
    write_lines(files.captions_file(split), captions)
    scores = evaluate(captions, examples, specs, defaults.clip, defaults.pac, defaults.checker, defaults.device)
    write_json(files.scores_file(split), scores.record() | {"checkpoint": asdict(place)})
    scores.save_per_caption(files.caption_scores_file(split))
    show({str(folder): scores})
    return scores
