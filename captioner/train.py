"""The one loop: cross-entropy, then the reward stage. `captioner train --reward pacspp --out runs/a`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW
from tqdm import tqdm

from captioner import checkpoint, watch
from captioner.cautions import cautions
from captioner.checkpoint import Position, resuming
from captioner.config import Run, Scst, Xe, from_json
from captioner.data import clean, load
from captioner.device import device_of
from captioner.log import Log
from captioner.models.captioner import Captioner, CaptionerConfig
from captioner.models.features import FeatureStore, feature_dim
from captioner.models.vocabulary import Vocabulary
from captioner.objectives import OBJECTIVES
from captioner.provenance import data_fingerprint, describe
from captioner.rollout import Batch
from captioner.signature import refuse_other
from captioner.validation import Validation
from metric.batches import Batches
from metric.cautions import tell
from metric.clip import Clip, load_clip
from metric.example import Example
from metric.last import NotFinite, other_processes, saved_whole
from metric.randomness import seed_all
from metric.signals import interruptible, stopped
from metric.storage import write_json
from metric.training import PRECISIONS, mixed
from metric.training import learning_rate as one_cycle
from rewards import Context, build
from rewards.mix import Mix
from rewards.spec import parse

GRAD_NORM = 1.0
ADAM_BETAS = (0.9, 0.98)  # as "Attention is all you need" (arXiv 1706.03762)


@dataclass
class Bench:
    """What both stages work on."""

    run: Run
    device: torch.device
    captioner: Captioner
    examples: list[Example]
    features: FeatureStore
    validation: Validation
    reward: Mix | None
    reference: Captioner | None = None
    """the model that the reward stage began with, where one is asked for"""


def train(run: Run, out: Path) -> None:
    """A new run in `out`."""
    if (out / "config.json").exists():
        raise ValueError(f"{out} holds a run; type --resume to continue it, or another --out")
    tell(cautions(run))
    bench = prepare(run)
    write_json(out / "config.json", describe(bench.run, bench.reward) | given_to(bench))
    first = stages(run)[0]
    work(bench, out, Position(first, 0))


def resume(out: Path) -> None:
    """The run of `out` from its last checkpoint."""
    if not (out / "config.json").is_file():
        raise ValueError(f"{out} is not a run: it has no config.json")
    run = from_json((out / "config.json").read_text())
    names = stages(run)
    reached = checkpoint.position(out) or Position(names[0], 0)  # killed before its first checkpoint
    if reached == Position(names[-1], settings_of(run, names[-1]).steps):
        return tqdm.write(f"{out} is finished; nothing is left to resume")
    if reached.stage == "reward" and (why := watch.stopped(run, out / "metrics.jsonl", reached.step)):
        return tqdm.write(f"{out} is finished: {why}")
    bench = prepare(run, start=str(out / checkpoint.LAST) if reached.step else "")
    refuse_other(out, list(bench.reward.signatures.values()) if bench.reward else [], given_to(bench))
    if reached.step and (told := other_processes(out)):
        tqdm.write(told)
    checkpoint.trim(out / "metrics.jsonl", reached, names)
    work(bench, out, reached)


def given_to(bench: Bench) -> dict[str, str]:
    """What a resumed run has to find as it was, beside its rewards."""
    return {
        "data_fingerprint": data_fingerprint(bench.examples),
        "vocabulary_fingerprint": bench.captioner.vocabulary.fingerprint,
    }


def stages(run: Run) -> list[str]:
    """A run that starts from another's model does not repeat its cross-entropy."""
    return (["xe"] if run.xe.steps and not run.init else []) + (["reward"] if run.rewards else [])


def settings_of(run: Run, stage: str) -> Xe | Scst:
    return run.xe if stage == "xe" else run.scst


def prepare(run: Run, start: str = "") -> Bench:
    """Read the data, the CLIP and its features, and build or load the captioner; `start` is a model folder."""
    if not stages(run):
        raise ValueError("--init without --reward leaves nothing to train; add --reward")
    device = device_of(run.device)
    torch.manual_seed(run.seed)
    clip = load_clip(run.clip, device)
    train_set, val_set = load(run.data, "train"), load(run.data, "val")[: run.val_count]
    reward = make_reward(run, train_set, device)
    captioner = make_captioner(run, clip, train_set, start or run.init).to(device)
    features = FeatureStore.build([*train_set, *val_set], clip, Path(run.features) if run.features else None)
    for name, reason in features.skipped.items():
        tqdm.write(f"skipped {name}: {reason}")
    train_set = [example for example in train_set if example.id not in features.skipped and example.references]
    if not train_set:
        raise ValueError(f"--data {run.data} has no captions to learn from")
    val_set = [example for example in val_set if example.id not in features.skipped]
    if not val_set:
        raise ValueError(f"--data {run.data} with --val_count {run.val_count} leaves no picture to validate on")
    validation = Validation(run, clip, val_set, features, watched_reward(run, reward, val_set))
    return Bench(as_loaded(run, captioner), device, captioner, train_set, features, validation, reward)


def make_reward(run: Run, examples: list[Example], device: torch.device) -> Mix | None:
    """Built before anything slow, so that a misspelt reward is said at once."""
    if not run.rewards:
        return None
    context = Context(examples=examples, clip=run.clip, device=str(device), seed=run.seed)
    reward = build([parse(spec) for spec in run.rewards], context)
    reward.check(examples)
    return reward


def watched_reward(run: Run, reward: Mix | None, examples: list[Example]) -> Mix | None:
    """The reward, when it can score the validation pictures and is to."""
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
        captioner = Captioner.from_pretrained(checkpoint.model_folder(start))
        captioner.config.refuse_other_clip(clip)
        longest = captioner.config.max_length
        if run.decode.max_length > longest:
            raise ValueError(
                f"{start} knows captions of {longest} tokens, got --decode.max_length {run.decode.max_length}; "
                f"type --decode.max_length {longest}"
            )
        return captioner
    texts = [clean(caption) for example in examples for caption in example.references]
    vocabulary = Vocabulary.train(texts, run.model.vocabulary) if run.model.vocabulary else Vocabulary.clip()
    config = CaptionerConfig(
        feature_dim=feature_dim(clip),
        vocabulary_size=vocabulary.size,
        d=run.model.d,
        heads=run.model.heads,
        encoder_layers=run.model.encoder_layers,
        decoder_layers=run.model.decoder_layers,
        feedforward=run.model.feedforward,
        dropout=run.model.dropout,
        max_length=run.decode.max_length,
        clip=run.clip,
        clip_fingerprint=clip.fingerprint,
    )
    return Captioner(config, vocabulary)


def as_loaded(run: Run, captioner: Captioner) -> Run:
    """The run with the shape that the model has: that of --init's, whatever --model.* says."""
    shape = {item.name for item in fields(run.model)} - {"vocabulary"}
    return replace(run, model=replace(run.model, **{name: getattr(captioner.config, name) for name in shape}))


def work(bench: Bench, out: Path, reached: Position) -> None:
    """The stages that are left."""
    names = stages(bench.run)
    with saved_whole(out, resuming(out)), Log(out) as log, interruptible() as stopping:
        if not reached.step:
            log.cautions(reached.stage, cautions(bench.run))
        for stage in names[names.index(reached.stage) :]:
            first = reached.step if stage == reached.stage else 0
            run_stage(bench, stage, first, out, log, stopping)


def run_stage(bench: Bench, stage: str, first: int, out: Path, log: Log, stopping: Callable[[], int]) -> None:
    """Batches, one objective, one optimizer: the loop that XE and every reward share."""
    run, settings = bench.run, settings_of(bench.run, stage)
    optimizer = AdamW(bench.captioner.parameters(), lr=settings.lr, betas=ADAM_BETAS, weight_decay=0.0)
    if stage == "reward" and (run.scst.kl or run.watch != "off"):
        bench.reference = reference(bench, out, first)
    scaler = torch.amp.GradScaler(bench.device.type, enabled=False)
    if first:
        checkpoint.restore_optimizer(out, optimizer, scaler)
    elif stage == "reward":
        evaluate(bench, Position(stage, 0), out, log)
    bar = tqdm(range(first, settings.steps), initial=first, total=settings.steps, desc=stage, disable=None)
    for step in bar:
        started = time.perf_counter()
        set_lr(optimizer, learning_rate(settings, step))
        facts = update(bench, stage, step, optimizer)
        done = step + 1
        if done % run.log_every == 0 or done == settings.steps:
            log.step(
                stage,
                done,
                {**facts, "lr": optimizer.param_groups[0]["lr"], "seconds": time.perf_counter() - started},
            )
            bar.set_postfix(
                loss=f"{facts['loss']:.3f}",
                **({"reward": f"{facts['reward']:.3f}"} if "reward" in facts else {}),
            )
        here = Position(stage, done)
        last = done == settings.steps
        if done % run.val_every == 0 or last:
            last = evaluate(bench, here, out, log) or last
        stop = stopping()  # asked once: what is said to be saved has been
        if stop or done % run.save_every == 0 or last:
            checkpoint.save(out, bench.captioner, optimizer, scaler, here, run.keep)
        if stop:
            stopped(stop, f"saved after {stage} step {done}", resuming(out), first=True)
        if last:
            break


def evaluate(bench: Bench, here: Position, out: Path, log: Log) -> bool:
    """Validation scores, logged; in the reward stage watched. Returns whether the watch ends the run."""
    if here.stage == "xe" or bench.run.watch == "off":
        log.evaluation(here.stage, here.step, *bench.validation(bench.captioner))
        return False
    before = watch.history(out / "metrics.jsonl")
    scores, shown = bench.validation(bench.captioner, bench.reference)
    fell = watch.fallen(bench.run, before, scores)
    log.evaluation(here.stage, here.step, scores, shown, fell)
    if watch.is_best(before, scores, fell):
        checkpoint.keep(out, watch.BEST, bench.captioner, here)
    for line in fell:
        tqdm.write(f"watch, step {here.step}: {line}")
    if fell:
        best = watch.best_step(before)
        tqdm.write(f"watch: {out / 'checkpoints' / watch.BEST} is the best model from before, of step {best}")
    return bool(fell) and bench.run.watch == "stop"


def update(bench: Bench, stage: str, step: int, optimizer: AdamW) -> dict[str, float]:
    """One step of one stage: a function of the parameters, the seed and the step's number."""
    run, captioner = bench.run, bench.captioner
    seed = step_seed(run.seed, stage, step)
    seed_all(seed)
    captioner.train(stage == "xe")  # candidates are drawn without dropout, so their gradient has none either
    seen = batch(bench, stage, step, seed)
    for _ in range(run.scst.updates if stage == "reward" else 1):
        facts = descend(bench, stage, step, seen, optimizer)
    return facts


def descend(bench: Bench, stage: str, step: int, seen: Batch, optimizer: AdamW) -> dict[str, float]:
    """One update by the gradient of the stage's objective."""
    run, captioner = bench.run, bench.captioner
    objective = OBJECTIVES[run.scst.objective if stage == "reward" else stage]
    with mixed(bench.device, PRECISIONS[run.precision]):
        loss, facts = objective(captioner, seen, bench.reward, run)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(captioner.parameters(), GRAD_NORM)
    if not torch.isfinite(loss + norm):
        raise NotFinite(
            f"{stage} step {step + 1} has the loss {loss.item():g} and the gradient norm {norm.item():g}: "
            f"lower {rate_flag(run, stage)} and choose another --out"
        )
    optimizer.step()
    return {"loss": loss.item(), "grad_norm": norm.item(), **facts}


def batch(bench: Bench, stage: str, step: int, seed: int) -> Batch:
    batches = Batches(bench.examples, settings_of(bench.run, stage).batch_size, bench.run.seed)
    rng = batches.rng(step)
    picked = [bench.examples[row] for row in batches.indices(step)]
    captions = [clean(rng.choice(example.references)) for example in picked]
    features = bench.features[[example.id for example in picked]].to(bench.device, non_blocking=True)
    return Batch(picked, features, captions, seed, bench.reference)


def reference(bench: Bench, out: Path, first: int) -> Captioner:
    """A frozen copy of the model that the reward stage begins with, kept in the run's folder for when it is resumed."""
    if not first:
        checkpoint.keep(out, checkpoint.REFERENCE.name, bench.captioner, Position("reward", 0))
    return Captioner.from_pretrained(out / checkpoint.REFERENCE).to(bench.device).requires_grad_(False)


def step_seed(seed: int, stage: str, step: int) -> int:
    return (seed * 2 + (stage == "reward")) * 10_000_019 + step


def learning_rate(settings: Xe | Scst, step: int) -> float:
    """A straight rise over the warm-up, then half a cosine down; the reward stage stays up unless it is to decay."""
    stays = isinstance(settings, Scst) and not settings.decay
    return settings.lr if stays and step >= settings.warmup * settings.steps else one_cycle(step, settings)


def rate_flag(run: Run, stage: str) -> str:
    return f"--{'xe' if stage == 'xe' else 'scst'}.lr, which is {settings_of(run, stage).lr:g},"


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
