"""Trains a captioner unbroken, then killed (-9) at random moments and resumed, and compares the weights.

Command: `.venv/bin/python -m experiments.survival.training --kills 20 --out runs/kill-training`
Cost: about one unbroken run for each kill, five minutes of one core for 20. The table is written to
experiments/results/kill-training.md.
Both stages run on scenes. The reward is PAC-S++'s arithmetic with the embedded CLIP. A checkpoint is saved every few
steps. A third of the kills waits for a checkpoint that is being written. The comparison covers all tensors of all
checkpoints (model, optimizer, best, the one before), and each line of metrics.jsonl without its seconds.
Expect: no difference.
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
import captioner.training.loop  # imported here, so that each fork has it
from metric.storage.atomic_files import write
from metric.storage.checkpoint_folders import newest, position
from metric.storage.provenance import commit, hardware

TABLE = Path(__file__).parents[1] / "results" / "kill-training.md"
FLAGS = (
    "--preset small --data scenes:count=120 --val-count 10 --checker none --model.d 32 --model.heads 2 "
    "--model.encoder-layers 1 --model.decoder-layers 1 --model.feedforward 64 --model.vocabulary 600 "
    "--decode.max-length 12 --decode.beams 2 --xe.steps 30 --xe.batch-size 16 --xe.lr 1e-2 "
    "--reward pacspp:checkpoint=scenes-clip --rl.steps 15 --rl.batch-size 8 --rl.lr 2e-3 "
    "--rl.candidates sample --rl.samples 4 --val-every 9 --save-every 3 --log-every 1 --keep 2"
)


@dataclass(frozen=True)
class Kill:
    """A kill: its moment, the checkpoint of the resumed run, and the difference of the ends from the unbroken run."""

    struck: str
    resumed: str
    difference: float
    lines: str

    def row(self, number: int) -> str:
        """The row of the table."""
        return f"| {number} | {self.struck} | {self.resumed} | {self.difference:g} | {self.lines} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="number of runs at a time")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=TABLE)
    args = parser.parse_args()
    unbroken = args.out / "whole"
    command = f"python -m experiments.survival.training --kills {args.kills} --seed {args.seed}"
    made_with = f"`{command}`, commit {commit()}, {hardware()}"
    started = time.perf_counter()
    begin(unbroken).join()
    seconds = time.perf_counter() - started
    with ProcessPoolExecutor(args.at_once, get_context("fork")) as pool:
        outs = [args.out / f"killed-{number}" for number in range(args.kills)]
        rngs = [random.Random(f"{args.seed}/{number}") for number in range(args.kills)]
        saving = [number % 3 == 2 for number in range(args.kills)]
        results = pool.map(killed, outs, [unbroken] * args.kills, rngs, saving)
        kills = list(tqdm(results, total=args.kills, desc="kills", disable=None))
    write(args.table, table(kills, made_with, seconds))
    sys.exit(any(kill.difference or "equal" not in kill.lines for kill in kills))


def begin(out: Path) -> Process:
    """Starts the training of the run `out`."""
    return process("train", *FLAGS.split(), "--out", str(out))


def process(*arguments: str) -> Process:
    """Starts a command of `captioner` in a forked process, which need not import Python and torch again."""
    forked = get_context("fork").Process(target=captioner.cli.main, args=(list(arguments),))
    forked.start()
    return forked


def killed(out: Path, unbroken: Path, rng: random.Random, saving: bool) -> Kill:
    """Trains the run `out`, kills and resumes the training. With `saving`, the kill waits for a checkpoint."""
    running = begin(out)
    if saving:
        wait_for_save(out, running, rng)
    else:
        wait_for_line(out, running, rng, count=len(lines(unbroken)))
    running.kill()
    running.join()
    struck, last = where(out), newest(out)
    resumed = f"{position(last).stage} step {position(last).step}" if last else "the beginning"
    process("train", "--out", str(out), "--resume").join()
    return Kill(struck, resumed, difference(out, unbroken), same_lines(out, unbroken))


def wait_for_line(out: Path, running: Process, rng: random.Random, count: int) -> None:
    """Waits for a random line of the log, and up to 0.3 seconds more."""
    line = rng.randrange(count)
    while running.is_alive() and len(lines(out)) < line:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.3))


def wait_for_save(out: Path, running: Process, rng: random.Random) -> None:
    """Waits for a random step, then for a checkpoint that is being written, and up to 0.03 seconds more."""
    step = rng.randrange(40)
    while running.is_alive() and (len(lines(out)) < step or not unfinished(out)):
        time.sleep(0.0005)
    time.sleep(rng.uniform(0, 0.03))


def unfinished(out: Path) -> list[Path]:
    """Checkpoint folders that are being written or replaced."""
    return sorted((out / "checkpoints").glob(".*-*"))


def where(out: Path) -> str:
    """The last logged step, and the checkpoint that was being written."""
    rows = lines(out)
    step = f"{rows[-1]['stage']} step {rows[-1]['step']}" if rows else "before the first step"
    saving = ", ".join(path.name for path in unfinished(out))
    return f"{step}, writing ({saving})" if saving else step


def lines(out: Path) -> list[dict]:
    """The rows of metrics.jsonl without their seconds. A half written last line is left out."""
    path = out / "metrics.jsonl"
    complete = [text for text in path.read_bytes().splitlines(True) if text.endswith(b"\n")] if path.exists() else []
    return [{name: value for name, value in json.loads(text).items() if name != "seconds"} for text in complete]


def difference(out: Path, unbroken: Path) -> float:
    """The largest difference between two numbers in the checkpoints of two runs."""
    names = [path.relative_to(unbroken) for path in (unbroken / "checkpoints").rglob("*.safetensors")]
    assert sorted(names) == sorted(path.relative_to(out) for path in (out / "checkpoints").rglob("*.safetensors"))
    largest = 0.0
    for name in names:
        one, other = load_file(unbroken / name), load_file(out / name)
        largest = max(largest, *((one[key] - other[key]).abs().max().item() for key in one))
    return largest


def same_lines(out: Path, unbroken: Path) -> str:
    """The number of lines of the log of `out`, and whether they equal the lines of the unbroken run."""
    rows, expected = lines(out), lines(unbroken)
    return f"{len(rows)}, {'equal' if rows == expected else 'NOT EQUAL'}"


def table(kills: list[Kill], made_with: str, seconds: float) -> str:
    """The Markdown table of all kills. `seconds` is the time of the unbroken run."""
    head = "| | killed after | resumed from | largest difference | lines of metrics.jsonl |\n|---|---|---|---|---|"
    rows = "\n".join(kill.row(number) for number, kill in enumerate(kills, 1))
    return (
        f"# Killed and resumed\n\n{made_with}. The unbroken run took {seconds:.0f} s, with other work on the machine. "
        f"Differences are over all tensors of all checkpoints.\n\n{head}\n{rows}\n"
    )


if __name__ == "__main__":
    main()
