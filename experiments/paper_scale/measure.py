"""Measures the seconds of one core for a step of each kind at the paper's size, and writes measured.json."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch

from captioner.config import Decode, Rl, Run, Xe
from experiments.benchmarks.reward_stage import LENGTH, LOOKS, parts
from experiments.paper_scale import cost
from experiments.paper_scale.outline import feature_shape
from experiments.paper_scale.plan import MEASURED
from metric.storage.atomic_files import write_json
from metric.storage.provenance import commit
from metric.training.config import MetricConfig

CLIP = "ViT-B-32-quickgelu:openai"
PICTURES = 5


def measure() -> None:
    """Times a step of each kind with random weights, and writes seconds and FLOPs to measured.json."""
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
    measured = {kind: {"seconds": seconds(step), "flops": counted.flops} for kind, (step, counted) in steps.items()}
    hardware = f"one core of {processor()} ({platform.machine()}), fp32"
    command = "python -m experiments.paper_scale.run --measure"
    write_json(MEASURED, {"hardware": hardware, "command": command, "commit": commit(), "steps": measured})


def seconds(step: Callable[[], object]) -> float:
    """CPU seconds of the second call of a step."""
    step()
    started = time.process_time()
    step()
    return round(time.process_time() - started, 4)


def processor() -> str:
    """The name of the processor, by /proc/cpuinfo."""
    with open("/proc/cpuinfo") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
