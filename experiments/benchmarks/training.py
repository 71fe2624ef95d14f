"""Time and memory of a training step, option by option: cross-entropy, reward stage, contrastive.

Command: `.venv/bin/python -m experiments.benchmarks.training --markdown experiments/results/bench-training.md`. The
paper's model on a GPU: `--size paper --clip ARCH:TAG`. More flags: `--batch`, `--rounds`, `--only REGEX`, `--compile`.
Cost: two minutes of one core for the small size.
The step is the step of the real loop, on scenes. Figures are medians over rounds. Without a GPU the time is CPU time,
which other work on the machine does not change. Memory is the growth during a step. The share of peak is the ratio of
two rates of floating-point operations: of the step, and of a large fp32 matrix product on the same machine.
Some options exist in this script only, and show whether the loop should have them. LOG.md has the answers.
Expect: bf16 and compilation pay on GPUs. Parts (`--accumulate`, `--chunk`) divide the memory at little cost.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from torch import distributed, multiprocessing
from torch.nn.utils.rnn import pad_sequence
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from captioner.config import Run, override
from captioner.data import load
from captioner.decoding.log_probabilities import true_tokens
from captioner.presets import PRESETS
from captioner.training.loop import update
from captioner.training.rollout import Batch
from captioner.training.session import Session, prepare
from captioner.training.stage import Stage, open_stage
from captioner.training.step_batches import Read, Reader
from metric.clip.load import load_clip
from metric.positives.sources import positives_for
from metric.runtime import memory
from metric.runtime.device import device_of
from metric.runtime.gradients import data_parallel
from metric.runtime.processes import joined
from metric.storage.provenance import commit, hardware
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
Step = Callable[[int], object]


@dataclass(frozen=True)
class Cost:
    """The cost of a step: CPU seconds (by the clock on a GPU), clock seconds, and growth of memory in MiB."""

    seconds: float
    wall: float
    memory: float


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


def measured(step: Step, rounds: int, device: torch.device) -> Cost:
    """The median cost of `rounds` steps, after a step that warms up."""
    step(0)
    seconds, walls = [], []
    before = reset_peak(device)
    for number in range(1, rounds + 1):
        began, wall = time.process_time(), time.perf_counter()
        step(number)
        if device.type == "cuda":
            torch.cuda.synchronize()
        walls.append(time.perf_counter() - wall)
        seconds.append(walls[-1] if device.type == "cuda" else time.process_time() - began)
    return Cost(median(seconds), median(walls), peak(device) - before)


def reset_peak(device: torch.device) -> float:
    """The memory in use, in MiB. `peak` starts to count here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # freed memory goes back to the system
    Path("/proc/self/clear_refs").write_text("5")
    return memory.resident() / 2**20


def peak(device: torch.device) -> float:
    """The peak memory since `reset_peak`, in MiB."""
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else memory.peak() / 2**20


def operations(step: Step) -> float:
    """The floating-point operations of a step."""
    with FlopCounterMode(display=False) as counter:
        step(0)
    return counter.get_total_flops()


def product_rate(device: torch.device, n: int = 2048) -> float:
    """The floating-point operations a second of an fp32 matrix product of `n` x `n`."""
    a = torch.randn(n, n, device=device)
    return 2 * n**3 / measured(lambda _: a @ a, 3, device).seconds


def new_session(args: argparse.Namespace, out: Path) -> Session:
    """A session of the size of the flags, on scenes with two rewards."""
    task = {"data": f"scenes:count={PICTURES}", "val_count": 4, "checker": "none", "rewards": ("cider", "clips")}
    sized = {"clip": args.clip, "device": args.device, "watch": "off"}
    sized |= {"xe.batch_size": args.batch, "rl.batch_size": args.batch}
    return prepare(override(Run(), {**PRESETS[args.size], **task, **sized}), out)


def is_wanted(args: argparse.Namespace, stage: str, option: str) -> bool:
    """Whether the flags of this script choose the row."""
    return bool(re.search(args.only, f"{stage} {option}")) and (args.compile or not option.endswith("compiled"))


def rows_of_one_process(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, int, Cost, float]]:
    """The rows of one process: stage, option, processes, cost and share of peak of every case of the flags."""
    device = device_of(args.device)
    rate, base = product_rate(device), new_session(args, folder)
    for case in cases():
        if is_wanted(args, case.stage, case.option):
            captioner = copy.deepcopy(base.captioner)
            step = captioner_steps(replace(base, captioner=captioner, apply=data_parallel(captioner)), case)
            cost = measured(step, args.rounds, device)
            flops = 0.0 if case.change in (compiled, checkpointed) else operations(step)
            yield case.stage, case.option, 1, cost, flops / cost.seconds / rate
    for option, precision, chunk, compile_it in (
        ("fp32", "fp32", 0, False),
        ("bf16", "bf16", 0, False),
        ("fp16", "fp16", 0, False),
        (f"--chunk {args.batch // 4}", "fp32", args.batch // 4, False),
        ("towers compiled", "fp32", 0, True),
    ):
        if is_wanted(args, "contrastive", option):
            step = contrastive_steps(args.batch, device, precision, chunk, compile_it)
            yield "contrastive", option, 1, measured(step, args.rounds, device), 0.0


def work_of_one_process(number: int, args: argparse.Namespace, folder: Path, port: int) -> None:
    """Measures the steps in one of two processes. Each process has half of the batch."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2", "LOCAL_RANK": str(number), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with joined():
        device = device_of(args.device)
        session = new_session(args, folder)
        costs = {}
        for stage in ("xe", "reward"):
            step = captioner_steps(session, Case(stage, "", {}))
            costs[stage] = measured(step, args.rounds, device)
        step = contrastive_steps(args.batch, device, "fp32", 0, False)
        costs["contrastive"] = measured(step, args.rounds, device)
        torch.save({stage: vars(cost) for stage, cost in costs.items()}, folder / f"{number}.pt")


def rows_of_two_processes(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, int, Cost, float]]:
    """The rows of two processes: the greater time and the greater memory of the two."""
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    port = store.port
    del store
    multiprocessing.spawn(work_of_one_process, (args, folder, port), nprocs=2)
    for stage, costs in torch.load(folder / "0.pt").items():
        other = torch.load(folder / "1.pt")[stage]
        slower = {name: max(value, other[name]) for name, value in costs.items()}
        yield stage, "fp32", 2, Cost(**slower), 0.0


def table(rows: list[tuple[str, str, int, Cost, float]], args: argparse.Namespace, load_average: float) -> str:
    plain = {stage: cost for stage, option, processes, cost, _ in rows if option == "fp32" and processes == 1}
    lines = [
        "# What a training step costs",
        "",
        f"`python -m experiments.benchmarks.training --size {args.size} --batch {args.batch} --rounds {args.rounds}`, "
        f"commit {commit()}, {hardware()}, load average {load_average:.1f}. "
        "Seconds of CPU a process (of the clock on a GPU); MiB of growth during the step; "
        "pictures a second by the clock.",
        "",
        "| stage | option | processes | s a step | against fp32 | by the clock | pictures/s | MiB | share of peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for stage, option, processes, cost, share in rows:
        against = f"{cost.seconds / plain[stage].seconds:.2f}" if stage in plain else "-"
        lines.append(
            f"| {stage} | {option} | {processes} | {cost.seconds:.3f} | {against} | {cost.wall:.3f} | "
            f"{args.batch / cost.wall:.0f} | {cost.memory:.0f} | {f'{share:.0%}' if share else '-'} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "paper"), default="small")
    parser.add_argument("--clip", default="scenes-clip")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=32, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="regular expression of the rows to measure, as `stage option`")
    parser.add_argument("--compile", action="store_true", help="rows of compiled layers, minutes each on a CPU")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    args = parser.parse_args()
    load_average = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for row in rows_of_one_process(args, Path(name)):
            rows.append(row)
            print(row, flush=True)
        if not args.only:
            rows += rows_of_two_processes(args, Path(name))
    text = table(rows, args, load_average)
    print(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
