"""A session: the data, features, reward and captioner that both stages of a run work with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch

from captioner.config import Run
from captioner.data import also
from captioner.features.store import (
    ONLINE,
    SHARD,
    Features,
    FeatureStore,
    OnlineFeatures,
    folder_of,
    reasons,
)
from captioner.model.encoder_decoder import Captioner
from captioner.runs.stages import stages
from captioner.training.cautions import broken_words, cut_captions, same_pictures
from captioner.training.needs import refuse_what_does_not_fit
from captioner.training.opening import SHAPE, opened
from captioner.training.plan import SMALLER, lasting
from captioner.training.step_batches import check_shares
from captioner.training.validation import Validation
from metric.clip.model import Clip
from metric.example import Example, data_fingerprint
from metric.runtime.console import tell
from metric.runtime.gradients import Apply, data_parallel
from metric.runtime.precision import unsuited
from metric.runtime.processes import own_share, rank, refuse_unlike, wait, world
from metric.storage.ledger import report_all
from rewards.mix import Mix


@dataclass(frozen=True)
class Session:
    """The parts that both stages of a run share."""

    run: Run
    device: torch.device
    captioner: Captioner
    examples: list[Example]
    features: Features
    validation: Validation
    reward: Mix | None
    apply: Apply
    """calls a loss so that its gradient is the mean over all processes"""


def prepare(run: Run, out: Path, start: str = "") -> Session:
    """Read data, CLIP and features, and build the captioner, or load it from the model folder `start`."""
    begun = opened(run, start)
    captioner, reward, train_set = begun.captioner, begun.reward, begun.train
    refuse_what_does_not_fit(lasting(begun), out, begun.device, SMALLER)
    features = features_of(train_set, begun.val, begun.clip, run, out)
    report_all(run.data, reasons(features.skipped, [*train_set, *begun.val]))
    report_all(run.data, {example.id: "it has no caption" for example in train_set if not example.references})
    train_set = [example for example in train_set if example.id not in features.skipped and example.references]
    if not train_set:
        raise ValueError(f"--data {run.data} has no captions to learn from{also(run.data)}")
    refuse_unlike("training data", data_fingerprint(train_set))
    check_shares(run, stages(run), len(train_set))
    if rank() == 0:
        tell(unsuited(begun.device, run.precision))
        tell(cut_captions(captioner.vocabulary, train_set, run.decode.max_length))
        tell(broken_words(captioner.vocabulary, train_set))
    val_set = comparable([example for example in begun.val if example.id not in features.skipped], run.data)
    if not val_set:
        raise ValueError(f"--data {run.data} with --val-count {run.val_count} leaves no picture to validate on")
    if rank() == 0:
        tell(same_pictures(train_set, val_set, "validation"))
    validation = Validation(run, begun.clip, val_set, features, watched_reward(run, reward, val_set))
    run = as_loaded(run, captioner)
    return Session(run, begun.device, captioner, train_set, features, validation, reward, data_parallel(captioner))


def comparable(examples: list[Example], source: str) -> list[Example]:
    """The validation pictures with captions, where some have captions. The others are reported, as in training."""
    captioned = [example for example in examples if example.references]
    if not captioned:
        return examples
    report_all(source, {example.id: "it has no caption" for example in examples if not example.references})
    return captioned


def features_of(train: list[Example], val: list[Example], clip: Clip, run: Run, out: Path) -> Features:
    """The features of all pictures. With --features online, only those of the validation pictures are kept.

    Each process computes a share and reads the shares of the others from a folder, by default in the run folder.
    """
    folder = folder_of(run.features) or (out / "features" if world() > 1 else None)
    stored = val if run.features == ONLINE else [*train, *val]
    if world() > 1:
        blocks = [stored[start : start + SHARD] for start in range(0, len(stored), SHARD)]
        FeatureStore.build([*chain.from_iterable(own_share(blocks))], clip, folder)
        wait()
    store = FeatureStore.build(stored, clip, folder)
    return OnlineFeatures(train, clip, store) if run.features == ONLINE else store


def watched_reward(run: Run, reward: Mix | None, examples: list[Example]) -> Mix | None:
    """The reward for the reward watch. ValueError when the reward cannot score the validation pictures."""
    if reward is None or run.watch == "off":
        return None
    try:
        reward.check(examples)
    except ValueError as error:
        raise ValueError(f"--watch {run.watch} scores the validation pictures: {error}; or type --watch off") from None
    return reward


def as_loaded(run: Run, captioner: Captioner) -> Run:
    """The run with the sizes of its model. With --init these are the sizes of that model, not those of --model.*."""
    return replace(run, model=replace(run.model, **{name: getattr(captioner.config, name) for name in SHAPE}))


def given_to(session: Session) -> dict[str, str]:
    """Fingerprints that a resumed run compares, beside those of its rewards."""
    return {
        "data_fingerprint": data_fingerprint(session.examples),
        "vocabulary_fingerprint": session.captioner.vocabulary.fingerprint,
    }
