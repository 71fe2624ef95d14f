"""The steps that are measured: those of the real loops, with an option of the loop or with one tried here alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

from captioner.config import Run, override
from captioner.data import load
from captioner.decoding.log_probabilities import true_tokens
from captioner.presets import PRESETS
from captioner.training.loop import update
from captioner.training.rollout import Batch
from captioner.training.session import Session, prepare
from captioner.training.stage import Stage, open_stage
from captioner.training.step_batches import Read, Reader
from experiments.benchmarks.costs import Step
from metric.clip.load import load_clip
from metric.positives.sources import positives_for
from metric.runtime.gradients import data_parallel
from metric.training.checkpoint import Patience, Training
from metric.training.config import MetricConfig
from metric.training.finetune import augmented_loss, parts_of
from metric.training.loop import optimiser
from metric.training.loop import update as contrastive_update
from metric.training.lora import add_adapter
from metric.training.pairs import pair_loss
from rewards.built_in.clip_similarity import Similarity
from rewards.mix import Mix

PICTURES = 400


@dataclass(frozen=True)
class Case:
    """A row of the table. `run` holds the flags of the option. `change` and `read` build an option without flags."""

    stage: str
    option: str
    run: dict[str, object]
    change: Callable[[Session, Stage], None] = lambda session, stage: None
    read: Callable[[Session, Read], Read] = lambda session, read: read


def layers(session: Session) -> Iterator[torch.nn.Module]:
    """The layers of encoder and decoder."""
    yield from session.captioner.encoder
    yield from session.captioner.decoder


def checkpointed(session: Session, stage: Stage) -> None:
    """Lets the backward pass compute the activations of each layer again."""
    for layer in layers(session):
        layer.forward = lambda *seen, forward=layer.forward: checkpoint(forward, *seen, use_reentrant=False)


def compiled(session: Session, stage: Stage) -> None:
    """Compiles each layer."""
    for layer in layers(session):
        layer.compile(dynamic=True)


def averaged(session: Session, stage: Stage) -> None:
    """Adds an exponential moving average of the weights, which each step updates."""
    average = AveragedModel(session.captioner, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    step = stage.scaler.update

    def updated() -> None:
        step()
        average.update_parameters(session.captioner)

    stage.scaler.update = updated  # type: ignore[assignment,method-assign]


def bucketed(session: Session, read: Read) -> Read:
    """A reader whose parts hold captions of similar length, with less padding."""

    def parts(step: int) -> list[Batch]:
        batches = read(step)
        size = len(batches[0].examples)
        examples = [example for part in batches for example in part.examples]
        features = torch.cat([part.features for part in batches])
        pad = session.captioner.vocabulary.pad
        rows = [row for part in batches for row in part.references[:, 0]]
        references = pad_sequence(rows, batch_first=True, padding_value=pad)
        spoken = true_tokens(references, session.captioner.vocabulary.eos).sum(-1)
        order = spoken.argsort().tolist()
        return [
            replace(
                batches[0],
                examples=[examples[row] for row in rows],
                features=features[rows],
                references=references[rows, None, : int(spoken[rows].max()) + 1],
            )
            for rows in (order[at : at + size] for at in range(0, len(order), size))
        ]

    return parts


def cases() -> list[Case]:
    """All rows of one process, without those of contrastive training."""
    rows = []
    for stage in ("xe", "reward"):
        for option in ("fp32", "bf16", "fp16", *(("tf32",) if torch.cuda.is_available() else ())):
            rows.append(Case(stage, option, {"precision": option}))
        rows += [
            Case(stage, "--accumulate 4", {"accumulate": 4}),
            Case(stage, "layers checkpointed", {}, checkpointed),
            Case(stage, "moving average", {}, averaged),
            Case(stage, "layers compiled", {}, compiled),
        ]
    rows.append(Case("xe", "--accumulate 2", {"accumulate": 2}))
    return [*rows, Case("xe", "--accumulate 2, by length", {"accumulate": 2}, read=bucketed)]


def captioner_steps(base: Session, case: Case) -> Step:
    """The step of the real loop with the option of the case."""
    session = replace(base, run=override(base.run, {"precision": "fp32", "accumulate": 1, **case.run}))
    stage = open_stage(session, case.stage)
    reader = Reader(
        session.run,
        case.stage,
        session.examples,
        session.features,
        session.captioner.vocabulary,
        session.device,
    )
    stage = replace(stage, read=case.read(session, reader))  # the step reads its own batch, and pays for it
    for group in stage.optimizer.param_groups:
        group["lr"] = 1e-5
    forget(session.reward)
    case.change(session, stage)
    return lambda step: update(session, stage, step)


def forget(reward: Mix | None) -> None:
    """Empties the caches of CLIP rewards, so that each case embeds its own texts and pictures."""
    for term in reward.terms if reward else ():
        if isinstance(term.reward, Similarity):
            term.reward.embedder.known_texts.clear()
            term.reward.embedder.known_images.clear()


def contrastive_steps(batch: int, device: torch.device, precision: str, chunk: int, compile_it: bool) -> Step:
    """The step of `captioner metric train`."""
    config = MetricConfig(batch_size=batch, precision=precision, chunk=chunk)
    examples = load(f"scenes:count={PICTURES}", "train")
    clip = load_clip("scenes-clip", device)
    agree = pair_loss(clip, "auto")
    model = add_adapter(clip, config).train()
    if compile_it:
        clip.model.visual.compile(dynamic=True)
        clip.model.transformer.compile(dynamic=True)
    encoder, make = parts_of(clip, config, examples, positives_for(None, examples))
    loss = augmented_loss(encoder, config, agree, make)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    run, apply = Training(model, optimiser(model, config), scaler, Patience(0)), data_parallel(model)
    return lambda step: contrastive_update(run, apply, loss, config, step)


def new_session(args: argparse.Namespace, out: Path) -> Session:
    """A session of the size of the flags, on scenes with two rewards."""
    task = {"data": f"scenes:count={PICTURES}", "val_count": 4, "checker": "none", "rewards": ("cider", "clips")}
    sized = {"clip": args.clip, "device": args.device, "watch": "off"}
    sized |= {"xe.batch_size": args.batch, "rl.batch_size": args.batch}
    return prepare(override(Run(), {**PRESETS[args.size], **task, **sized}), out)
