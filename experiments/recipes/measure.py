"""Seconds of one core for a step of each kind at the paper's size, with random weights: measured.json."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch
from bench_reward_stage import LENGTH, LOOKS, parts

from captioner.config import Decode, Rl, Run, Xe
from metric.storage.atomic_files import write_json
from metric.storage.provenance import commit
from metric.training.config import MetricConfig
from recipes import cost
from recipes.outline import feature_shape
from recipes.plan import MEASURED

CLIP = "ViT-B-32-quickgelu:openai"
PICTURES = 5


def measure() -> None:
    torch.manual_seed(0)
    assert feature_shape(CLIP) == LOOKS["paper"]
    run = Run(clip=CLIP, decode=Decode(max_length=LENGTH), xe=Xe(batch_size=PICTURES), rl=Rl(batch_size=PICTURES))
    config = MetricConfig(clip=CLIP)
    looked, agreed = cost.looking(CLIP, PICTURES, "cpu"), cost.agreeing(config, PICTURES, "cpu")
    steps: dict[str, tuple[Callable[[], object], cost.Cost]] = {
        "features": (looked, cost.looking(CLIP, PICTURES).cost()),
        "contrastive": (agreed, cost.agreeing(config, PICTURES).cost()),
        "xe": (cost.teacher_forced(CLIP, run.model, LENGTH, PICTURES, device="cpu"), cost.xe(run)),
        "reward": (parts("paper", PICTURES)["reward step"], cost.reward(run, [CLIP])),
    }
    found = {kind: {"seconds": seconds(step), "flops": known.flops} for kind, (step, known) in steps.items()}
    hardware = f"one core of {processor()} ({platform.machine()}), fp32"
    command = "experiments/recipe.py --measure"
    write_json(MEASURED, {"hardware": hardware, "command": command, "commit": commit(), "steps": found})


def seconds(step: Callable[[], object]) -> float:
    """Processor time of the second call."""
    step()
    started = time.process_time()
    step()
    return round(time.process_time() - started, 4)


def processor() -> str:
    with open("/proc/cpuinfo") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
