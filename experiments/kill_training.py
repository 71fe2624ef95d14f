"""Trains a captioner once unbroken, then again and again killed (-9) at a random moment and resumed: the same weights?

Both stages on scenes, the reward PAC-S++'s arithmetic with the embedded CLIP; checkpoints every few steps. A third of
the kills waits for a checkpoint that is being written. Compared are all tensors of all checkpoints (model, optimizer,
best, the one before) and every line of metrics.jsonl but its clock.

    python experiments/kill_training.py --kills 20 --out runs/kill-training

Writes experiments/kill-training.md. Cost: about as many unbroken runs as kills; five minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess as Process
from pathlib import Path

from safetensors.torch import load_file
from tqdm import tqdm

import captioner.cli
import captioner.training.loop  # so that forks have it
from metric.storage.atomic_files import write
from metric.storage.checkpoint_folders import newest, position
from metric.storage.provenance import commit, hardware

TABLE = Path(__file__).with_name("kill-training.md")
FLAGS = (
    "--preset small --data scenes:count=120 --val-count 10 --checker none --model.d 32 --model.heads 2 "
    "--model.encoder-layers 1 --model.decoder-layers 1 --model.feedforward 64 --model.vocabulary 600 "
    "--decode.max-length 12 --decode.beams 2 --xe.steps 30 --xe.batch-size 16 --xe.lr 1e-2 "
    "--reward pacspp:checkpoint=scenes-clip --rl.steps 15 --rl.batch-size 8 --rl.lr 2e-3 "
    "--rl.candidates sample --rl.samples 4 --val-every 9 --save-every 3 --log-every 1 --keep 2"
)


@dataclass(frozen=True)
class Kill:
    """Where a kill struck, where the run went on, and how far it ended from the unbroken one."""

    struck: str
    resumed: str
    difference: float
    lines: str

    def row(self, number: int) -> str:
        return f"| {number} | {self.struck} | {self.resumed} | {self.difference:g} | {self.lines} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="runs beside each other")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=TABLE)
    args = parser.parse_args()
    whole = args.out / "whole"
    made_with = f"`kill_training.py --kills {args.kills} --seed {args.seed}`, commit {commit()}, {hardware()}"
    started = time.perf_counter()
    begin(whole).join()
    seconds = time.perf_counter() - started
    with ProcessPoolExecutor(args.at_once, get_context("fork")) as pool:
        outs = [args.out / f"killed-{number}" for number in range(args.kills)]
        rngs = [random.Random(f"{args.seed}/{number}") for number in range(args.kills)]
        saving = [number % 3 == 2 for number in range(args.kills)]
        found = pool.map(killed, outs, [whole] * args.kills, rngs, saving)
        kills = list(tqdm(found, total=args.kills, desc="kills", disable=None))
    write(args.table, table(kills, made_with, seconds))
    sys.exit(any(kill.difference or "equal" not in kill.lines for kill in kills))


def begin(out: Path) -> Process:
    return process("train", *FLAGS.split(), "--out", str(out))


def process(*arguments: str) -> Process:
    """Forked, so that Python and torch are not imported at every start."""
    forked = get_context("fork").Process(target=captioner.cli.main, args=(list(arguments),))
    forked.start()
    return forked


def killed(out: Path, whole: Path, rng: random.Random, saving: bool) -> Kill:
    running = begin(out)
    if saving:
        wait_for_save(out, running, rng)
    else:
        wait_for_line(out, running, rng, count=len(lines(whole)))
    running.kill()
    running.join()
    struck, last = where(out), newest(out)
    resumed = f"{position(last).stage} step {position(last).step}" if last else "the beginning"
    process("train", "--out", str(out), "--resume").join()
    return Kill(struck, resumed, difference(out, whole), same_lines(out, whole))


def wait_for_line(out: Path, running: Process, rng: random.Random, count: int) -> None:
    """A moment soon after a line of the log, anywhere in the run."""
    line = rng.randrange(count)
    while running.is_alive() and len(lines(out)) < line:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.3))


def wait_for_save(out: Path, running: Process, rng: random.Random) -> None:
    """A moment while a checkpoint is written, one of those after a step that is drawn."""
    step = rng.randrange(40)
    while running.is_alive() and (len(lines(out)) < step or not unfinished(out)):
        time.sleep(0.0005)
    time.sleep(rng.uniform(0, 0.03))


def unfinished(out: Path) -> list[Path]:
    """Folders that are being written, or wait to be replaced."""
    return sorted((out / "checkpoints").glob(".*-*"))


def where(out: Path) -> str:
    """The last line that was logged, and whether a checkpoint was being written."""
    found = lines(out)
    step = f"{found[-1]['stage']} step {found[-1]['step']}" if found else "before the first step"
    saving = ", ".join(path.name for path in unfinished(out))
    return f"{step}, writing ({saving})" if saving else step


def lines(out: Path) -> list[dict]:
    """Of metrics.jsonl, without the clock; the last may be half written."""
    path = out / "metrics.jsonl"
    whole = [text for text in path.read_bytes().splitlines(True) if text.endswith(b"\n")] if path.exists() else []
    return [{name: value for name, value in json.loads(text).items() if name != "seconds"} for text in whole]


def difference(out: Path, whole: Path) -> float:
    """The largest between any two numbers of the runs' checkpoints."""
    names = [path.relative_to(whole) for path in (whole / "checkpoints").rglob("*.safetensors")]
    assert sorted(names) == sorted(path.relative_to(out) for path in (out / "checkpoints").rglob("*.safetensors"))
    largest = 0.0
    for name in names:
        one, other = load_file(whole / name), load_file(out / name)
        largest = max(largest, *((one[key] - other[key]).abs().max().item() for key in one))
    return largest


def same_lines(out: Path, whole: Path) -> str:
    mine, theirs = lines(out), lines(whole)
    return f"{len(mine)}, {'equal' if mine == theirs else 'NOT EQUAL'}"


def table(kills: list[Kill], made_with: str, seconds: float) -> str:
    head = "| | killed after | resumed from | largest difference | lines of metrics.jsonl |\n|---|---|---|---|---|"
    rows = "\n".join(kill.row(number) for number, kill in enumerate(kills, 1))
    return (
        f"# Killed and resumed\n\n{made_with}. The unbroken run took {seconds:.0f} s, with others on the machine. "
        f"Differences are over all tensors of all checkpoints.\n\n{head}\n{rows}\n"
    )


if __name__ == "__main__":
    main()
