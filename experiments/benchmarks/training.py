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
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from experiments.benchmarks.costs import Cost, measured, operations, product_rate
from experiments.benchmarks.training_steps import (
    Case,
    captioner_steps,
    cases,
    checkpointed,
    compiled,
    contrastive_steps,
    new_session,
)
from metric.runtime.device import device_of
from metric.runtime.gradients import data_parallel
from metric.runtime.processes import joined
from metric.storage.provenance import commit, hardware


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
