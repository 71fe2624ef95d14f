"""Caption a split with a trained run and score it: captions-<split>.jsonl and scores-<split>.json in its folder.

An evaluation by other settings than those of the run has a name, and files of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from captioner.config import Decode, Run
from captioner.config_checks import decode_with
from captioner.data import load, split_names
from captioner.data.blank_captions import blank, tell_blank
from captioner.data.caption_files import write_lines
from captioner.decoding.best_of import BestOf
from captioner.decoding.generate import captions_of
from captioner.features.store import featured, known_ids
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.pretrained import CONFIG, checkpoint_of, read_config
from captioner.runs.folder import RunFolder, resuming
from captioner.runs.reached import place, unfinished
from captioner.runs.variant import Variant, changes, check_name, recorded
from captioner.scoring.terminal_tables import show
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.evaluation import evaluate, refuse_nothing
from metric.example import Example
from metric.runtime.console import tell
from metric.runtime.device import device_of
from metric.scores.catalogue import request
from metric.scores.family import Defaults
from metric.scores.result import Scores
from metric.storage.atomic_files import refuse_unwritable, write_json
from metric.storage.checkpoint_folders import Position, position
from metric.storage.run_files import LAST
from rewards import Context, build
from rewards.mix import Mix
from rewards.registry import find


@dataclass(frozen=True)
class Evaluation:
    """Which captions of a run are scored, and by what. A field is a flag of `captioner evaluate`."""

    split: str = "test"
    scores: Sequence[str] = ("all",)
    checkpoint: str = LAST.name
    """name in the folder checkpoints of the run: last, best, or a step such as reward-000150"""
    decoding: Mapping[str, Any] = field(default_factory=dict)
    """settings in place of those of the run, such as beams"""
    best_of: int = 0
    """captions that are drawn of a picture, the best of which by `rewards` is scored; 0 for a beam search"""
    rewards: Sequence[str] = ()
    name: str = ""
    """name that the files carry; "" for the name of the settings that are not those of the run"""
    device: str = "auto"

    def decode(self, run: Run) -> Decode:
        """The settings of decoding. Raises ValueError for a number out of range."""
        return decode_with(run.decode, self.decoding)

    def variant(self, run: Run) -> Variant:
        """What sets the evaluation apart from the plain one of the run."""
        return Variant(changes(run.decode, self.decode(run)), self.best_of, tuple(self.rewards))


def files_of(folder: Path, how: Evaluation) -> RunFolder:
    """The run with the name of the evaluation. Raises ValueError for settings that cannot work, before any work.

    Captions of another evaluation are not replaced by captions of the same name.
    """
    check_name(how.name)
    plain = RunFolder(folder)
    plain.refuse_others()
    refuse_unwritable(
        folder, "captions and scores are written into the folder of the run; make it writable, or copy it"
    )
    variant, decode = how.variant(plain.run), how.decode(plain.run)
    for spec in variant.specs:
        find(spec.name)
    model = checkpoint_of(folder, how.checkpoint) / CONFIG
    config = CaptionerConfig(**read_config(model, CaptionerConfig))
    config.refuse_longer(decode.max_length)
    config.refuse_guidance(decode.guidance)
    files = RunFolder(folder, how.name or variant.name)
    if files.evaluation and files.scores_file(how.split).is_file():
        before = files.scores(how.split)
        other = recorded(before, plain.config)
        if not other.same(variant) or before["checkpoint"]["name"] != how.checkpoint:
            raise ValueError(
                f"{files.scores_file(how.split)} is of another evaluation, {other.typed or 'plain'} of checkpoint "
                f"{before['checkpoint']['name']}; type --as and another name"
            )
    return files


def evaluate_run(folder: Path, how: Evaluation) -> Scores:
    """Caption and score one split of a run's data, write both files and print the corpus scores.

    Options that the scores leave open, such as a tuned CLIP, are those of the run. Raises ValueError for a wrong one.
    """
    files, split = files_of(folder, how), how.split
    run, device = files.run, device_of(how.device)
    clip = load_clip(run.clip, device)
    captioner, reached = opened_model(files, how.checkpoint, device)
    captioner.config.refuse_other_clip(clip)
    features, examples = featured(examples_of(run, split), clip, run.features, run.data)
    defaults = defaults_of(run, how.scores, examples, clip, device)
    reward = reward_of(how.variant(run), examples, run, str(device))
    search = BestOf(how.best_of, reward) if reward else None
    captions = captions_of(captioner, examples, features, how.decode(run), search=search)
    write_lines(files.captions_file(split), captions)
    tell_blank(str(files.captions_file(split)), blank(captions))
    scores = evaluate(captions, examples, how.scores, defaults.clip, defaults.pac, defaults.checker, defaults.device)
    write_json(files.scores_file(split), scores.record() | {"checkpoint": reached} | settings_of(run, how, reward))
    scores.save_per_caption(files.caption_scores_file(split))
    show({str(files): scores})
    return scores


def opened_model(files: RunFolder, checkpoint: str, device: torch.device) -> tuple[Captioner, dict[str, Any]]:
    """The captioner of a checkpoint of the run, and the stage and step it has reached, as score files record them.

    The folder is looked up once: the run may be training.
    """
    folder = checkpoint_of(files.path, checkpoint)
    captioner = Captioner.from_pretrained(folder).to(device)
    at = position(folder)
    newest = at if checkpoint == LAST.name else position(checkpoint_of(files.path, LAST.name))
    tell_place(files, checkpoint, at, newest)
    return captioner, {"name": checkpoint, **asdict(at)} | ({"run": asdict(newest)} if newest != at else {})


def examples_of(run: Run, split: str) -> list[Example]:
    """The examples of one split of the run's data. Data without splits are told: training has seen these pictures."""
    examples = load(run.data, split, known_ids(run.features))
    if split != "train" and not split_names(run.data):
        tell(
            [f"{run.data} has no splits: the pictures of {split} are those of the training; give each picture a split"]
        )
    return examples


def defaults_of(
    run: Run, scores: Sequence[str], examples: Sequence[Example], clip: Clip, device: torch.device
) -> Defaults:
    """What the scores leave open, as the run has it.

    Raises ValueError for a wrong option, and where no score can be computed, before any captioning.
    """
    requested = request(scores)
    typed = any("checkpoint" in requested.options.get(source, {}) for source in ("pac", "pac_hard"))
    metric = "" if typed else run.pac_checkpoint
    pac = Embedder(load_clip(metric, device, run.pac_scale)) if metric else None
    defaults = Defaults(Embedder(clip), pac, run.checker, str(device))
    refuse_nothing(scores, examples, defaults)
    return defaults


def settings_of(run: Run, how: Evaluation, reward: Mix | None) -> dict[str, Any]:
    """The settings of an evaluation, as score files record them."""
    variant = replace(how.variant(run), signatures=tuple(reward.signatures.values()) if reward else ())
    return {"decode": asdict(how.decode(run))} | variant.record()


def reward_of(variant: Variant, examples: Sequence[Example], run: Run, device: str) -> Mix | None:
    """The reward that chooses among captions, or None. Raises ValueError when it cannot score the examples.

    The reward is that of training: CIDEr counts its documents in the training captions, not in those that it scores.
    """
    if not variant.rewards:
        return None
    reward = build(variant.specs, Context(examples_of(run, "train"), run.clip, device, run.seed))
    reward.check(examples)
    return reward


def tell_place(files: RunFolder, model: str, at: Position, newest: Position) -> None:
    """Tell which model is evaluated, where it is not the last one of a finished run."""
    if model != LAST.name:
        tell([f"{files.path}: checkpoint {model} is {place(files.run, at.stage, at.step)}"])
    if rest := unfinished(files.run, files.metrics, newest.stage, newest.step):
        tell([f"{files.path} is not finished: {rest}; `{resuming(files.path)}` goes on"])
