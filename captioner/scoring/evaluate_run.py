"""Caption a split with a trained run and score it: captions-<split>.jsonl and scores-<split>.json in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from captioner.data import load
from captioner.data.caption_files import write_lines
from captioner.decoding.generate import captions_of
from captioner.features.store import FeatureStore, folder_of, known_ids
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.reached import unfinished
from captioner.scoring.terminal_tables import show
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.evaluation import evaluate, open_sources
from metric.runtime.console import tell
from metric.runtime.device import device_of
from metric.scores.catalogue import request
from metric.scores.family import Given
from metric.scores.result import Scores
from metric.storage.atomic_files import write_json
from metric.storage.checkpoint_folders import newest, position


def evaluate_run(folder: Path, split: str, specs: Sequence[str]) -> Scores:
    """Caption and score one split; prints the corpus scores. What specs leave open is as the run has it."""
    files = RunFolder(folder)
    run = files.run
    asked = request(specs)
    device = device_of("auto")
    clip = load_clip(run.clip, device)
    captioner = Captioner.from_pretrained(folder).to(device)
    place = position(newest(folder) or folder)  # of the checkpoint that was just read
    if left := unfinished(run, place.stage, place.step):
        tell([f"{folder} is not finished: {left}; `{resuming(folder)}` goes on"])
    captioner.config.refuse_other_clip(clip)
    examples = load(run.data, split, known_ids(run.features))
    features = FeatureStore.build(examples, clip, folder_of(run.features))
    for name, reason in features.skipped.items():
        print(f"skipped {name}: {reason}")
    examples = [example for example in examples if example.id not in features.skipped]
    typed = any("checkpoint" in asked.options.get(source, {}) for source in ("pac", "pac_hard"))
    metric = "" if typed else run.pac_checkpoint
    pac = Embedder(load_clip(metric, device, run.pac_scale)) if metric else None
    given = Given(Embedder(clip), pac, run.checker, str(device))
    open_sources(asked.names, asked.options, given)  # a wrong option is told before the captions are replaced
    captions = captions_of(captioner, examples, features, run.decode)
    write_lines(files.captions_file(split), captions)
    scores = evaluate(captions, examples, specs, given.clip, given.pac, given.checker, given.device)
    write_json(files.scores_file(split), scores.record() | {"checkpoint": asdict(place)})
    scores.save_per_caption(files.caption_scores_file(split))
    show({str(folder): scores})
    return scores
