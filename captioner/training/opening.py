"""The beginning of a training: data, CLIP, reward and captioner, before any feature is computed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch

from captioner.config import Model, Run, dotted
from captioner.data import load
from captioner.features.patch_features import feature_dim
from captioner.features.store import known_ids
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.vocabulary import Vocabulary, lowercased
from captioner.runs.stages import stages
from captioner.training.step_batches import check_shares
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example
from metric.runtime.device import device_of
from metric.runtime.precision import allow_tf32, refuse_precision
from metric.runtime.processes import refuse_other_settings
from metric.runtime.seeds import repeat_exactly
from rewards import Context, build
from rewards.mix import Mix

SHAPE = tuple(item.name for item in fields(Model) if item.name != "vocabulary")  # sizes that a captioner keeps


@dataclass(frozen=True)
class Opened:
    """What is known of a run before its features are: the examples of both splits, the models and the reward."""

    run: Run
    device: torch.device
    clip: Clip
    train: list[Example]
    val: list[Example]
    reward: Mix | None
    captioner: Captioner


def opened(run: Run, start: str = "") -> Opened:
    """Read the data and the CLIP, and build the captioner, or load it from the model folder `start`."""
    if not stages(run):
        raise ValueError("--init without --reward leaves nothing to train; add --reward")
    device = device_of(run.device)
    refuse_precision(run.precision, device)
    refuse_other_settings(dotted(run))
    allow_tf32(run.precision)
    repeat_exactly(device)
    torch.manual_seed(run.seed)
    clip = load_clip(run.clip, device)
    ids = known_ids(run.features)
    train_set, val_set = load(run.data, "train", ids), load(run.data, "val", ids)[: run.val_count]
    check_shares(run, stages(run), len(train_set))
    reward = make_reward(run, train_set, device)
    captioner = make_captioner(run, clip, train_set, start or run.init).to(device)
    return Opened(run, device, clip, train_set, val_set, reward, captioner)


def make_reward(run: Run, examples: list[Example], device: torch.device) -> Mix | None:
    """The reward of a run, built before anything slow, so that a misspelt reward is refused at once."""
    if not run.rewards:
        return None
    context = Context(examples=examples, clip=run.clip, device=str(device), seed=run.seed)
    reward = build(run.reward_specs, context)
    reward.check(examples)
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
