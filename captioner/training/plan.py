"""The memory, the disk and the steps of a training, told before the training begins.

Data, CLIPs and rewards are opened for a plan, and no feature is computed. Memory is the memory of this process then,
and what a run adds: features, moments of AdamW, gradients and activations. Activations are measured on one picture with
captions of full length, so a real step needs less of them.

Axes: n pictures, p patches, f features, k captions of a picture, t tokens.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from captioner.config import Run
from captioner.features.patch_features import grid_features
from captioner.features.store import ONLINE, folder_of, known_ids, space
from captioner.model.encoder_decoder import Captioner
from captioner.runs.places import placed
from captioner.runs.stages import settings_of, stages
from captioner.training.opening import Opened, opened
from metric.runtime import memory

FLOAT = 4  # bytes
MOMENTS = 2  # of AdamW, for each weight


@dataclass(frozen=True)
class Need:
    """What a run keeps, in bytes of memory and of disk."""

    what: str
    memory: int = 0
    disk: int = 0


def lasting(start: Opened) -> list[Need]:
    """What the whole run needs, whatever its batches: features, weights, and the files of the model."""
    run, weights = start.run, FLOAT * sum(weight.numel() for weight in start.captioner.parameters())
    models = run.keep + 1 + (len(stages(run)) if run.keep_best else 0)  # the new checkpoint is written beside the old
    return [
        features(start),
        Need("gradients and moments of AdamW", memory=(1 + MOMENTS) * weights),
        Need("checkpoints", disk=(run.keep + 1) * (1 + MOMENTS) * weights + (models - run.keep - 1) * weights),
        *([Need("model before the reward stage", weights, weights)] if "reward" in stages(run) else []),
    ]


def features(start: Opened) -> Need:
    """The features `n p f` in fp16 that are still to compute. They lie in memory, or in the folder of --features."""
    run = start.run
    _, p, f = blank(start).shape
    kept = start.val if run.features == ONLINE else [*start.train, *start.val]
    known = known_ids(run.features)
    size = 2 * p * f * sum(example.id not in known for example in kept)
    what = f"features of {len(kept):,} pictures, {p} x {f} each"
    return Need(what, disk=size) if folder_of(run.features) else Need(what, memory=size)


def blank(start: Opened) -> Tensor:
    """The features of an empty picture, `1 p f`."""
    return grid_features(start.clip, start.clip.preprocess(Image.new("RGB", (64, 64)))[None]).float()


def activations(start: Opened) -> Need:
    """What the backward pass of the larger stage needs."""
    run, look = start.run, blank(start)
    captions = {"xe": 1, "reward": run.rl.samples}
    sizes = [
        settings_of(run, name).batch_size * kept(start.captioner, look, run, captions[name]) for name in stages(run)
    ]
    return Need("activations of a step at most", memory=max(sizes) // run.accumulate)


def kept(captioner: Captioner, look: Tensor, run: Run, k: int) -> int:
    """Bytes of the tensors that autograd keeps for `k` captions `1 k t` of one picture, without the weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in captioner.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    tokens = torch.zeros(1, k, run.decode.max_length, dtype=torch.long, device=look.device)
    with saved_tensors_hooks(note, lambda tensor: tensor):
        captioner(look, tokens).log_softmax(-1).sum()
    return sum(found.values())


def refuse_what_does_not_fit(needs: Sequence[Need], out: Path, device: str) -> None:
    """ValueError when the free memory or the free disk is less than `needs`. A GPU's memory is not asked."""
    asked, there = sum(need.memory for need in needs), memory.free()
    if device == "cpu" and there is not None and asked > there:
        raise ValueError(
            f"the run needs {space(asked)} of memory more, and {space(there)} are free; type --features DIR to keep "
            "features on disk, --accumulate N for smaller parts of a step, or a smaller --model.d"
        )
    asked, room = sum(need.disk for need in needs), free_disk(out)
    if asked > room:
        raise ValueError(
            f"the run needs {space(asked)} of disk, and {space(room)} are free at {out}; make room, or type another "
            "--out"
        )


def free_disk(out: Path) -> int:
    """The free bytes where the folder `out` will lie."""
    return shutil.disk_usage(next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())).free


def plan(run: Run, out: Path) -> Iterator[str]:
    """The lines of the plan of a run, of which the last raises ValueError when the run does not fit."""
    start = opened(placed(run))
    needs = [*lasting(start), activations(start)]
    now, there = memory.resident(), memory.free()
    yield f"memory: {space(now + sum(need.memory for need in needs))}, and {space(now + (there or 0))} can be had"
    yield f"  {space(now):>10}  program, data, CLIP and rewards, measured"
    yield from (f"  {space(need.memory):>10}  {need.what}" for need in needs if need.memory)
    yield f"disk: {space(sum(need.disk for need in needs))}, and {space(free_disk(out))} are free at {out}"
    yield from (f"  {space(need.disk):>10}  {need.what}" for need in needs if need.disk)
    yield from (steps(start, stage) for stage in stages(run))
    refuse_what_does_not_fit(needs, out, start.device.type)


def steps(start: Opened, stage: str) -> str:
    """The steps of a stage: `xe: 600 steps of 50 pictures, each of the 4,000 pictures 7.5 times`."""
    settings, count = settings_of(start.run, stage), len(start.train)
    looks = ceil(settings.steps / start.run.val_every)
    return (
        f"{stage}: {settings.steps:,} steps of {settings.batch_size} pictures, each of the {count:,} pictures "
        f"{settings.steps * settings.batch_size / count:.1f} times; {looks} evaluations on {len(start.val):,} pictures"
    )
