"""Measures the seconds of a step of each kind at the paper's size, on a core or a GPU, and writes measured.json."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import replace

import torch

from captioner.config import Decode, Rl, Run, Xe
from experiments.benchmarks.reward_stage import LENGTH, LOOKS, parts, times
from experiments.paper_scale import cost
from experiments.paper_scale.outline import feature_shape
from experiments.paper_scale.plan import MEASURED
from metric.runtime.device import device_of
from metric.runtime.precision import PRECISIONS, allow_tf32, mixed
from metric.storage.atomic_files import write_json
from metric.storage.provenance import commit
from metric.training.config import MetricConfig

CLIP = "ViT-B-32-quickgelu:openai"
FEW = {"features": 5, "contrastive": 5, "xe": 5, "reward": 5}  # pictures of a step, for a core
WHOLE = {"features": 64, "contrastive": 256, "xe": 50, "reward": 50}  # for a GPU: the batches of the recipes
ROUNDS = {"cpu": 1, "cuda": 10}


def measure(name: str) -> None:
    """Times a step of each kind with random weights on a device, and writes seconds and FLOPs to measured.json."""
    torch.manual_seed(0)
    assert feature_shape(CLIP) == LOOKS["paper"]
    device = device_of(name)
    pictures = FEW if device.type == "cpu" else WHOLE
    run = Run(clip=CLIP, decode=Decode(max_length=LENGTH), rl=Rl(batch_size=pictures["reward"]))
    run = replace(run, xe=Xe(batch_size=pictures["xe"]))
    steps = {
        kind: {"pictures": pictures[kind], "flops": unit.flops, "seconds": seconds(step, device)}
        for kind, step, unit in timed(run, pictures, str(device))
    }
    command = f"python -m experiments.paper_scale.run --measure --device {device.type}"
    facts = {"hardware": machine(device), "command": command, "commit": commit(), "steps": steps}
    write_json(MEASURED, json.loads(MEASURED.read_text()) | {device.type: facts})


def timed(run: Run, pictures: dict[str, int], device: str) -> list[tuple[str, Callable[[], object], cost.Cost]]:
    """The kinds, each with a step and with its cost."""
    config, looked, learned = MetricConfig(clip=CLIP), pictures["features"], pictures["contrastive"]
    reward = parts("paper", pictures["reward"], torch.device(device))["reward step"]
    taught = cost.teacher_forced(CLIP, run.model, LENGTH, pictures["xe"], device=device)
    return [
        ("features", cost.looking(CLIP, looked, device), cost.looking(CLIP, looked).cost()),
        ("contrastive", cost.agreeing(config, learned, device), cost.agreeing(config, learned).cost()),
        ("xe", taught, cost.xe(run)),
        ("reward", reward, cost.reward(run, [CLIP])),
    ]


def seconds(step: Callable[[], object], device: torch.device) -> dict[str, float]:
    """Precision -> the median seconds of a step, after one that warms up; of a core in fp32 alone."""
    taken = {}
    for precision in ("fp32",) if device.type == "cpu" else PRECISIONS:
        allow_tf32(precision)
        with mixed(device, PRECISIONS[precision]):
            step()
            taken[precision] = round(times({"step": step}, ROUNDS[device.type], device)["step"], 5)
    return taken


def machine(device: torch.device) -> str:
    """The name of the hardware."""
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    with open("/proc/cpuinfo") as file:
        name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    return f"one core of {name} ({platform.machine()})"
