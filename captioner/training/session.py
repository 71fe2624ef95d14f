"""A session: the data, features, reward and captioner that both stages of a run work with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path

import torch

from captioner.config import Model, Run, dotted
from captioner.data import also, load
from captioner.features.patch_features import feature_dim
from captioner.features.store import (
    ONLINE,
    SHARD,
    Features,
    FeatureStore,
    OnlineFeatures,
    folder_of,
    known_ids,
    reasons,
)
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.vocabulary import Vocabulary, lowercased
from captioner.runs.stages import stages
from captioner.training.cautions import cut_captions, same_pictures
from captioner.training.step_batches import check_shares
from captioner.training.validation import Validation
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example, data_fingerprint
from metric.runtime.console import tell
from metric.runtime.device import device_of
from metric.runtime.gradients import Apply, data_parallel
from metric.runtime.precision import allow_tf32, refuse_precision
from metric.runtime.processes import own_share, rank, refuse_other_settings, refuse_unlike, wait, world
from metric.storage.ledger import report_all
from rewards import Context, build
from rewards.mix import Mix

SHAPE = tuple(item.name for item in fields(Model) if item.name != "vocabulary")  # sizes that a captioner keeps


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
    if not stages(run):
        raise ValueError("--init without --reward leaves nothing to train; add --reward")
    device = device_of(run.device)
    refuse_precision(run.precision, device)
    refuse_other_settings(dotted(run))
    allow_tf32(run.precision)
    torch.manual_seed(run.seed)
    clip = load_clip(run.clip, device)
    ids = known_ids(run.features)
    train_set, val_set = load(run.data, "train", ids), load(run.data, "val", ids)[: run.val_count]
    check_shares(run, stages(run), len(train_set))
    reward = make_reward(run, train_set, device)
    captioner = make_captioner(run, clip, train_set, start or run.init).to(device)
    features = features_of(train_set, val_set, clip, run, out)
    report_all(run.data, reasons(features.skipped, [*train_set, *val_set]))
    report_all(run.data, {example.id: "it has no caption" for example in train_set if not example.references})
    train_set = [example for example in train_set if example.id not in features.skipped and example.references]
    if not train_set:
        raise ValueError(f"--data {run.data} has no captions to learn from{also(run.data)}")
    refuse_unlike("training data", data_fingerprint(train_set))
    check_shares(run, stages(run), len(train_set))
    if rank() == 0:
        tell(cut_captions(captioner.vocabulary, train_set, run.decode.max_length))
    val_set = [example for example in val_set if example.id not in features.skipped]
    if not val_set:
        raise ValueError(f"--data {run.data} with --val-count {run.val_count} leaves no picture to validate on")
    if rank() == 0:
        tell(same_pictures(train_set, val_set, "validation"))
    validation = Validation(run, clip, val_set, features, watched_reward(run, reward, val_set))
    run = as_loaded(run, captioner)
    return Session(run, device, captioner, train_set, features, validation, reward, data_parallel(captioner))


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


def make_reward(run: Run, examples: list[Example], device: torch.device) -> Mix | None:
    """The reward of a run, built before anything slow, so that a misspelt reward is refused at once."""
    if not run.rewards:
        return None
    context = Context(examples=examples, clip=run.clip, device=str(device), seed=run.seed)
    reward = build(run.reward_specs, context)
    reward.check(examples)
    return reward


def watched_reward(run: Run, reward: Mix | None, examples: list[Example]) -> Mix | None:
    """The reward for the reward watch. ValueError when the reward cannot score the validation pictures."""
    if reward is None or run.watch == "off":
        return None
    try:
        reward.check(examples)
    except ValueError as error:
        raise ValueError(f"--watch {run.watch} scores the validation pictures: {error}; or type --watch off") from None
    return reward


def make_captioner(run: Run, clip: Clip, examples: list[Example], start: str) -> Captioner:
    """The model of folder `start`, or an untrained one with a vocabulary made from the captions."""
    if start:
        captioner = Captioner.from_pretrained(start)
        captioner.config.refuse_other_clip(clip)
        longest = captioner.config.max_length
        if run.decode.max_length > longest:
            raise ValueError(
                f"{start} has captions of at most {longest} tokens, got --decode.max-length {run.decode.max_length}; "
                f"type --decode.max-length {longest}"
            )
        return captioner
    texts = [lowercased(caption) for example in examples for caption in example.references]
    captioner = untrained(
        run.model, vocabulary_of(run.model, texts), feature_dim(clip), run.decode.max_length, run.clip, clip.fingerprint
    )
    captioner.config = replace(captioner.config, drop_features=run.xe.drop_features)
    return captioner


def vocabulary_of(sizes: Model, texts: list[str]) -> Vocabulary:
    """A vocabulary made from the texts, or that of CLIP."""
    return Vocabulary.train(texts, sizes.vocabulary) if sizes.vocabulary else Vocabulary.clip()


def untrained(
    sizes: Model, vocabulary: Vocabulary, feature_dim: int, max_length: int, clip: str, clip_fingerprint: str
) -> Captioner:
    """A captioner with random weights, of the given sizes, over features of the given CLIP."""
    shape = {name: getattr(sizes, name) for name in SHAPE}
    config = CaptionerConfig(feature_dim, vocabulary.size, clip, clip_fingerprint, max_length=max_length, **shape)
    return Captioner(config, vocabulary)


def as_loaded(run: Run, captioner: Captioner) -> Run:
    """The run with the sizes of its model. With --init these are the sizes of that model, not those of --model.*."""
    return replace(run, model=replace(run.model, **{name: getattr(captioner.config, name) for name in SHAPE}))


def given_to(session: Session) -> dict[str, str]:
    """Fingerprints that a resumed run compares, beside those of its rewards."""
    return {
        "data_fingerprint": data_fingerprint(session.examples),
        "vocabulary_fingerprint": session.captioner.vocabulary.fingerprint,
    }
